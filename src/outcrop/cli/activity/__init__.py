"""`outcrop activity`: questions about recorded calls, one file a question.

Rules: all of them take the same words for where the records are and of what time; what is dear or
dangerous comes first; what couldn't be read is told on standard error, never passed over.
"""
