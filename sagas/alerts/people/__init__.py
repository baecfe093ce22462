"""What a person asked to hear of: watches, quiet hours, the daily digest. By e-mail, to them alone."""
