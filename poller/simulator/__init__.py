"""A simulated UPhone job API: a pure state machine of seed and time, and a thin ASGI app around it."""
