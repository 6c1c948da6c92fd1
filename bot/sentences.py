"""Every sentence that the bot itself says to people, in English. Law: plain words, what happened and what to do, no
code; and every one of them has its translations (bot/translations).

`{...}` are filled in by `bot.translations.say`. Notices stand in the thread under (or instead of) Claude's words;
statuses are shown before the first text and vanish.
"""

from __future__ import annotations

# Statuses: before the first text.
THINKING = "is thinking…"
WAITING = "is waiting for the answer before this one…"
WORKING = "is using {tool}…"
RETRYING = "is waiting for Claude, which is busy; next try in {seconds} s…"

# Notices: how an answer ended, if not by itself.
STOPPED = "Stopped."
CUT_BY_LIMIT = "The answer reached its length limit here. Ask me to continue for the rest."
PAUSED = "Claude paused here before it was done. Ask me to continue for the rest."
CONTEXT_FULL = "This conversation has grown too long for the model. Please start a new one."
REFUSED = "Claude declined to answer this. Asking in another way, or about something else, may work."
NOTHING_SAID = "Claude ended its turn without saying anything. Please ask again."
INTERRUPTED = "I was restarted here and could not finish. Please ask again for the rest."
INTERRUPTED_EARLY = "I was restarted before I could answer. Please ask again."
INTERRUPTED_ANEW = "I was restarted before I could answer anew. This is the earlier answer."
KEPT = "The earlier answer stays as it is."
OUR_FAULT = "Something went wrong on my side. It has been logged; please try again."

# Notices: what Claude's API said, or did not say.
BUSY = "Claude is overloaded at the moment. Please try again in a minute."
RATE_LIMITED = "Claude's rate limit for this bot is reached. Please try again in {wait}."
UNREACHABLE = "Claude could not be reached. Please try again in a minute."
FAILED = "Claude's service failed. Please try again in a minute."
BROKEN_OFF = "The connection to Claude broke off here. Ask me to continue for the rest."
WENT_QUIET = "Claude went quiet here and did not come back. Ask me to continue for the rest."
NEVER_SPOKE = "Claude began to work on this, but went quiet. Please try again in a minute."
BAD_KEY = "Claude refused this bot's API key. The person who runs the bot has to mend it."
NO_CREDIT = "This bot's account with Claude has no credit left. The person who runs the bot has to mend it."
NO_MODEL = (
    "Claude does not know the model that this bot is set to. The person who runs the bot has to mend it."
)
BAD_REQUEST = (
    "Claude could not accept this request. Starting a new conversation may help; the details are logged."
)
TOO_LARGE = "This conversation is too large to send to Claude. Please start a new one."

# Answers to questions that never reach Claude.
EMPTY_QUESTION = "Hello! Ask me something: write your question after my name."
LONG_QUESTION = "That question has {length} characters; I can read at most {limit}. Please shorten it."
RESTARTING = "I am restarting at this moment. Please ask again in a minute."

# Where the answer could not be shown.
NOT_A_MEMBER = "I am not in that channel. Invite me (on Slack: /invite @me) and ask again."
MAY_NOT_WRITE = "I may not write in that channel. Somebody who manages it has to allow it."

# How long something takes.
A_SECOND = "a second"
SECONDS = "{number} seconds"
MINUTES = "{number} minutes"
HOURS = "{number} hours"

# A question that the platform does not show, and its answer.
ASKS = "{name} asks:"
ASKS_ABOUT = "{name} asks about this:"
SUMMARY_OF_THREAD = "Summary for {name}:"

# What a conversation can be begun with, where the platform offers that: a button, and what it says.
PROMPT_EXPLAIN = "Explain something"
PROMPT_EXPLAIN_SAYS = "Explain this to me as if I were new to it, and ask me first what it is about"
PROMPT_WRITE = "Help me write"
PROMPT_WRITE_SAYS = "Help me write a message; ask me first to whom and what about"
PROMPT_THINK = "Think it through"
PROMPT_THINK_SAYS = "Help me think a decision through; ask me first what it is"
PROMPT_HELP = "What can you do?"
PROMPT_HELP_SAYS = "What can you do here, and how do I use you in channels?"

# Buttons under an answer.
STOP = "Stop"
REGENERATE = "Regenerate"
CONTINUE = "Continue"
GOOD = "👍"
BAD = "👎"
AS_FILE = "As file"
DELETE = "Delete"
DELETE_QUESTION = "This deletes the answer for everybody. It cannot be undone."
DELETE_KEEP = "Keep it"  # what stands on the button that does nothing; at most 30 characters

# What became of a press, a command or a word; only the person who acted sees these.
NOTHING_TO_STOP = "Nothing is being answered here at the moment."
STOPPED_PRIVATELY = "Stopped."
NOT_YOURS_TO_STOP = "Only the person who asked, or somebody who moderates this place, can stop that answer."
NOT_YOURS_TO_DELETE = (
    "Only the person who asked, or somebody who moderates this place, can delete that answer."
)
NOT_KNOWN_ANY_MORE = "I no longer know this answer. Please ask again."
STILL_GROWING = "That answer is still growing. Stop it first, or wait until it is done."
THANK_YOU = "Thank you, that is noted."
FILE_TITLE = "The answer as a file"
FILE_FAILED = (
    "The file could not be uploaded. If it fails again, somebody who manages this place may have to allow it."
)
DELETED = "Deleted."
DELETE_FAILED = "I could not delete every part of that answer."
NEW_CONVERSATION = "Done. The next question here begins a new conversation."
FORM_TOO_OLD = "That form is too old by now. Please open it again."
UNKNOWN_ORDER = "I do not know that command."
HELP = """\
**How to ask me**
- Mention me, or write to me directly. In a thread where I have answered you need not mention me again.
- `/ask` followed by your question, or "Ask Claude about this" in a message's menu.

**While I answer**: the Stop button, the reaction 🛑, or the bare word "stop".
**Afterwards**: Regenerate, Continue, the answer as a file, Delete. Edit your question, and I answer it anew.

**Commands**: `/claude settings`, `/claude usage`, `/claude new` (begin a new conversation), `/claude stop`, \
`/claude forget`, `/claude help`. Where a command cannot be typed, in a thread for example, mention me with the \
word alone: "settings", "usage", "new", "help", "forget me"."""

# Forms.
ASK_TITLE = "Ask Claude"
ASK_FIELD = "Your question"
ASK_SUBMIT = "Ask"
SUMMARIZE_QUESTION = "Please summarize this conversation: what was said, decided and left open, and by whom."
ABOUT_QUESTION = "The question is about this message of {name}:\n\n{quote}"
FEEDBACK_TITLE = "What was wrong?"
FEEDBACK_FIELD = "A comment, if you like"
FEEDBACK_SUBMIT = "Send"
FORGET_QUESTION = (
    "This deletes what I have stored about you: your questions with their answers, your feedback and your name. "
    "Messages in the channels stay. It cannot be undone."
)
FORGET_YES = "Forget me"
FORGOTTEN = "Done. I have deleted what I had stored about you."
SETTINGS_SAVED = "Saved."
SETTINGS_REST_SAVED = "Everything else was saved."
SETTINGS_FOR_MANAGERS = "Only somebody who manages this place can change my settings."
SETTINGS_WHERE = "What do you want to set?"
SETTINGS_CHANNEL = "This channel"
SETTINGS_WORKSPACE = "Everywhere here"

# The settings form.
SETTINGS_TITLE_CHANNEL = "Settings: this channel"
SETTINGS_TITLE_WORKSPACE = "Settings: everywhere"
SETTINGS_INTRO_CHANNEL = "For this channel and its threads. What is not set here is as everywhere here."
SETTINGS_INTRO_WORKSPACE = "For every channel here that has no settings of its own."
SETTINGS_SUBMIT = "Save"
# The value first: on Discord the name of the setting stands in front, and what is too long is cut at its end.
AS_EVERYWHERE = "{value} (as everywhere here)"
AS_USUAL = "{value} (as usual)"
EMPTY_MEANS = "Empty: {value}. 0: {zero}."
EMPTY_MEANS_PERSONA = "For example: Answer in two sentences. Empty: as everywhere here; a single - for none."
EMPTY_MEANS_LIST = "Empty: as everywhere here"
ADDED_TO_EVERYWHERE = "In addition to those who are denied everywhere here"
IDS_HINT = "Their ids, with commas between"
YES = "Yes"
NO = "No"
NEVER = "never"
NO_LIMIT = "no limit"
GROUP_ANSWER = "The answer"
GROUP_WHERE = "Where I answer"
GROUP_MANNER = "While I answer, and afterwards"
GROUP_WHO = "Who may ask me"
GROUP_OTHERS = "Direct messages, guests, bots"
GROUP_SPENDING = "How much"
FIELD_MODEL = "Model"
FIELD_EFFORT = "How hard Claude works"
FIELD_GROWING = "How the answer appears"
FIELD_FOOTER = "Model, time and cost under each answer"
FIELD_PERSONA = "What Claude is told about its role"
FIELD_LANGUAGE = "Language of my own sentences"
FIELD_ANSWERS_HERE = "Answer in channels"
FIELD_ALWAYS_ON = "Answer without being mentioned"
FIELD_REPLY_IN = "Answers stand"
FIELD_BRANCHING = "A thread for each question"
FIELD_WHILE_ANSWERING = "A message while I am answering"
FIELD_REMOVE = "Delete the answer with its question"
FIELD_NOTIFY = "Ping the asker after (seconds)"
FIELD_ATTACH_PAGES = "Also a file above so many messages"
FIELD_ATTACH_CODE = "Code also a file above (characters)"
FIELD_WHO = "Who may ask"
FIELD_ALLOWED_PEOPLE = "Listed people"
FIELD_ALLOWED_GROUPS = "Listed groups"
FIELD_DENIED_PEOPLE = "People who may not ask"
FIELD_DENIED_GROUPS = "Groups who may not ask"
FIELD_DIRECT = "Answer direct messages"
FIELD_GUESTS = "Answer guests"
FIELD_OUTSIDERS = "Answer people of other workspaces"
FIELD_BOTS = "Bots that I answer"
FIELD_BOTS_IN_A_ROW = "Answers to bots in a row, at most"
FIELD_REQUESTS = "Questions a minute of one person"
FIELD_PERSON_DAILY = "Dollars a day of one person"
FIELD_CHANNEL_DAILY = "Dollars a day of one channel"
FIELD_WORKSPACE_DAILY = "Dollars a day of everybody here"
EFFORT_LOW = "Little: the first word comes soonest"
EFFORT_MEDIUM = "Medium"
EFFORT_HIGH = "Much"
EFFORT_XHIGH = "Very much"
EFFORT_MAX = "As much as it can"
EFFORT_OFF = "as the model does by itself"
GROWING_YES = "It grows while people watch"
GROWING_DONE = "All at once, when it is whole"
IN_THREAD = "In a thread"
IN_CHANNEL = "In the channel itself"
BRANCH_NEVER = "Never"
BRANCH_ALWAYS = "Always"
BRANCH_BUSY = "When the channel is busy"
WHILE_WAIT = "Waits for its turn"
WHILE_STEER = "Stops the answer; I answer both"
WHO_EVERYONE = "Everybody here"
WHO_LISTED = "Only the people and groups listed below"
LANGUAGE_OF_PERSON = "That of whoever asks"
MISTAKE = "{field}: {problem}"
MISTAKE_NUMBER = "please give a whole number from {least} to {most}."
MISTAKE_DOLLARS = "please give an amount such as 2.50."
MISTAKE_LONG = "please use at most {limit} characters."
MISTAKE_CHOICE = "please choose again."
NOBODY_LISTED = "Nobody is listed yet, so nobody may ask here."

# History.
SUMMARISED = "Earlier messages were summarised."
HISTORY_LEFT_OUT = "The oldest messages of this conversation were left out: it has grown too long."
GOING_ON = "Please go on exactly where you stopped, without repeating anything."

# Files.
FILES_LEFT_OUT = "Left out: {reasons}."
FILE_TOO_LARGE = "{name} is larger than {limit}"
FILE_UNKNOWN = "{name} is of a kind that I cannot read"
FILE_DENIED = "{name} may not be read by me"
FILE_UNAVAILABLE = "{name} could not be fetched"
FILE_GONE = "{name} is not there any more"
FILE_TOO_MANY = "more than I can read at once: {names}"
FILE_BROKEN = "{name} could not be opened"
FILE_LOCKED = "{name} is protected by a password"
FILE_EMPTY = "{name} has no text in it"
FILE_TOO_WIDE = "{name} is more than {limit} pixels wide or high"
FILE_TOO_LONG = "{name} has more than {limit} pages"
FILES_CUT = "Read only in part: {names}."
ATTACHED_WHOLE = "The whole answer is attached as {name}."
ATTACHED_CODE = "Attached: {names}."

# When an answer took long.
ANSWERED = "Your answer is ready."

# Superseded by a newer question.
STEERED = "Stopped here for the next message."

# Who may, and how much.
NOT_IN_THIS_WORKSPACE = "I am not set up to answer here. The person who runs the bot can allow it."
NO_DIRECT_MESSAGES = "I do not answer direct messages here. Please mention me in a channel."
NOT_IN_THIS_CHANNEL = "I am switched off in this channel. Somebody who manages this place can switch me on."
NOT_FOR_OUTSIDERS = "I only answer members of this workspace."
NOT_FOR_GUESTS = "I do not answer guest accounts here. Somebody who manages this place can allow it."
NOT_FOR_YOU = "You may not ask me here. Somebody who manages this place can allow it."
TOO_MANY_REQUESTS = "That is as many questions as you may ask in a minute. Please ask again in {wait}."
PERSON_SPENT = "Your limit of {limit} a day is reached. It begins anew in {wait}."
CHANNEL_SPENT = "This channel's limit of {limit} a day is reached. It begins anew in {wait}."
WORKSPACE_SPENT = "The limit of {limit} a day for everybody here is reached. It begins anew in {wait}."
RESERVED = "Answers under way have taken the rest of today's limit of {limit}. Please ask again in a minute."

# A question that was changed, or taken away.
QUESTION_CHANGED = "The question was changed; I am answering it anew."
QUESTION_DELETED = "The question was deleted."

# What the commands are called and said to do, where the platform shows that in everybody's own language.
COMMAND_ASK = "Ask Claude a question"
COMMAND_ASK_QUESTION = "What do you want to know?"
COMMAND_ASK_FILE = "A file that the question is about"
COMMAND_ORDERS = "Settings, usage, help"
COMMAND_SETTINGS = "Change how I answer here"
COMMAND_USAGE = "See what was used and spent"
COMMAND_NEW = "Begin a new conversation"
COMMAND_STOP = "Stop the answer that is growing here"
COMMAND_HELP = "How to ask me, and what I can do"
COMMAND_FORGET = "Delete what I have stored about you"
OPTION_QUESTION = "question"
OPTION_FILE = "file"
MENU_ASK_ABOUT = "Ask Claude about this"
MENU_SUMMARIZE = "Summarize thread"

# Commands.
OLD_COMMAND = "This command belongs to an older version of me. Mention me with your question instead."
USE_THE_COMMAND = "I can only show that to you alone: please type {command}."
USAGE_YOU = "You"
USAGE_CHANNEL = "This channel"
USAGE_WORKSPACE = "Everybody here"
USAGE_LINE = "{who}: {today} today ({answers} answers), {month} this month ({total} answers)."
USAGE_LIMIT = "The limit is {limit} a day."
