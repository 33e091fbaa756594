"""Who may log in, and where their mail is: the back ends of auth(8).

backend.py says what every back end answers; backends/ has one module for each kind. Only auth opens them: whatever else
needs a login asks it through mail/sasl.
"""
