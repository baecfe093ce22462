"""Services that really keep state and really fail, and the traffic that drives them.

They know Amends only by what goes over the wire, as any service of yours would: nothing here imports
Django or Amends' own packages.
"""
