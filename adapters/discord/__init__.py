"""Discord: the Gateway in, REST out.

platform      `DiscordPlatform`, what the core is given
gateway       one Gateway session, kept for months
client        discord.py's client, as far as we use it
hearing       what arrives -> events, each once
inbound       messages, edits, reactions -> what people said and did (pure)
acts          commands, menus, buttons, forms -> what people did (pure)
reading       all that a message says, as Markdown (pure)
handles       the life of an interaction (pure)
interactions  acknowledging what people do while their tokens live
asides        what one person alone is told, and forms
panels        forms as modals and as messages (pure, but for those that stand open)
writing       posts, edits, deletions, by the channel or by a command's webhook
files         uploads, downloads
threads       a thread of its own for an answer
history       what stands in a thread or reply chain
standing      what a person may do in a place
outbound      the bodies of our calls (pure)
outcomes      what Discord's answers mean (pure)
budgets       which budget a call spends (pure)
calls         our calls, counted
rest          one HTTP call, one attempt
commands      commands and menus, registered where Discord has others
seen          names, own messages and events, remembered in passing
dialect       Markdown as Discord's clients read it
"""
