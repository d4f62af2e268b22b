"""A SP4N-LAPOR! to practise with: a system of its own behind HTTP, with its own storage, pages and officers.

The real one has no API that is publicly documented. This one behaves as far as SP4N's public pages and exports show how
it behaves, and where it is unhelpful there it is unhelpful here: it cuts texts, closes silently, and takes the same
report as often as it is sent. Its API is our proposal: docs/sp4n-api.md.
"""
