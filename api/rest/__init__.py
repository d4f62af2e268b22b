"""The REST API under /api/v1: what operators, other systems and, later, the desk do with complaints."""
