"""When a whole source goes quiet: said once, on the participant, in place of a finding for each saga.

`rhythm` and `quiet` say who is silent, `veil` what that means for a saga (all pure); `learning` and `watch`
keep the rows.
"""
