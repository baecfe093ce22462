"""Repairs of many sagas: chosen, planned, agreed to, run at a pace, watched."""
