"""Translators for other systems, as bot/channels is for people: one module for each way in and out.

None of them knows the conversation, the desk or the database; what they are handed and what they say are the plain
values of bridges/contract.py. When something is sent, and what becomes of it, is api/elsewhere/handover.py's.
"""
