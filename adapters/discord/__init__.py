"""Discord: the Gateway in, REST out.

platform      `DiscordPlatform`, what the core is given
gateway       one Gateway session, kept for months
inbound       payloads -> what people said (pure)
interactions  slash commands and buttons while their tokens live
writing       posts and edits, by the channel or by a command's webhook
outbound      the bodies of our calls (pure)
outcomes      what Discord's answers mean (pure)
budgets       which budget a call spends (pure)
rest          one HTTP call, one attempt
commands      /ask, registered where Discord has another
seen          names, own messages and events, remembered in passing
dialect       Markdown as Discord's clients read it
"""
