"""Services that alerts are sent to, as servers here: each checks what it is sent as its reference says."""
