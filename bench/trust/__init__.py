"""`make trust`: attacks, faults and loads against an installation as an operator runs it; nothing may be lost."""
