"""The verbs. Only here do truth (the gateway) and memory (the models) meet; only here is anything decided."""
