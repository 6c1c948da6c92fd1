"""Deutsch. Law: every sentence of bot/sentences.py, with the same `{...}` (held by tests/test_translations.py)."""

from __future__ import annotations

from collections.abc import Mapping

from bot import sentences as en

GERMAN: Mapping[str, str] = {
    en.THINKING: "denkt nach…",
    en.WAITING: "wartet auf die Antwort davor…",
    en.WORKING: "benutzt {tool}…",
    en.RETRYING: "wartet auf Claude, der gerade ausgelastet ist; nächster Versuch in {seconds} s…",
    en.STOPPED: "Angehalten.",
    en.CUT_BY_LIMIT: "Hier ist die größte Länge einer Antwort erreicht. „Weiter“ bringt den Rest.",
    en.PAUSED: "Claude hat hier innegehalten, bevor alles gesagt war. „Weiter“ bringt den Rest.",
    en.CONTEXT_FULL: "Dieses Gespräch ist für das Modell zu lang geworden. Bitte beginne ein neues.",
    en.REFUSED: "Claude möchte darauf nicht antworten. Vielleicht hilft es, anders oder nach etwas anderem zu fragen.",
    en.NOTHING_SAID: "Claude hat nichts gesagt. Bitte frage noch einmal.",
    en.INTERRUPTED: "Ich wurde hier neu gestartet und konnte nicht zu Ende antworten. Bitte frage nach dem Rest.",
    en.INTERRUPTED_EARLY: "Ich wurde neu gestartet, bevor ich antworten konnte. Bitte frage noch einmal.",
    en.OUR_FAULT: "Bei mir ist etwas schiefgegangen. Es steht im Protokoll; bitte versuche es noch einmal.",
    en.BUSY: "Claude ist gerade überlastet. Bitte versuche es in einer Minute wieder.",
    en.RATE_LIMITED: "Für diesen Bot ist Claudes Grenze erreicht. Bitte versuche es in {wait} wieder.",
    en.UNREACHABLE: "Claude war nicht zu erreichen. Bitte versuche es in einer Minute wieder.",
    en.FAILED: "Claudes Dienst hat versagt. Bitte versuche es in einer Minute wieder.",
    en.BROKEN_OFF: "Hier ist die Verbindung zu Claude abgebrochen. „Weiter“ bringt den Rest.",
    en.WENT_QUIET: "Claude ist hier verstummt. „Weiter“ bringt den Rest.",
    en.NEVER_SPOKE: "Claude hat angefangen und ist dann verstummt. Bitte versuche es in einer Minute wieder.",
    en.BAD_KEY: "Claude nimmt den API-Schlüssel dieses Bots nicht an. Wer den Bot betreibt, muss das beheben.",
    en.NO_CREDIT: "Das Konto dieses Bots bei Claude ist leer. Wer den Bot betreibt, muss das beheben.",
    en.NO_MODEL: "Claude kennt das eingestellte Modell nicht. Wer den Bot betreibt, muss das beheben.",
    en.BAD_REQUEST: "Claude konnte diese Anfrage nicht annehmen. Ein neues Gespräch hilft vielleicht; "
    "Näheres steht im Protokoll.",
    en.TOO_LARGE: "Dieses Gespräch ist zu groß für Claude. Bitte beginne ein neues.",
    en.EMPTY_QUESTION: "Hallo! Frag mich etwas: Schreib deine Frage hinter meinen Namen.",
    en.LONG_QUESTION: "Diese Frage hat {length} Zeichen; ich kann höchstens {limit} lesen. Bitte kürze sie.",
    en.RESTARTING: "Ich werde gerade neu gestartet. Bitte frage in einer Minute noch einmal.",
    en.NOT_A_MEMBER: "Ich bin nicht in diesem Kanal. Lade mich ein (in Slack: /invite @me) und frage noch einmal.",
    en.MAY_NOT_WRITE: "Ich darf in diesem Kanal nicht schreiben. Wer ihn verwaltet, muss es erlauben.",
    en.A_SECOND: "einer Sekunde",
    en.SECONDS: "{number} Sekunden",
    en.MINUTES: "{number} Minuten",
    en.HOURS: "{number} Stunden",
    en.ASKS: "{name} fragt:",
    en.ASKS_ABOUT: "{name} fragt dazu:",
    en.SUMMARY_OF_THREAD: "Zusammenfassung für {name}:",
    en.CONTINUED: "Die Antwort geht weiter:",
    en.STOP: "Anhalten",
    en.REGENERATE: "Neu antworten",
    en.CONTINUE: "Weiter",
    en.GOOD: "👍",
    en.BAD: "👎",
    en.AS_FILE: "Als Datei",
    en.DELETE: "Löschen",
    en.NOTHING_TO_STOP: "Hier wird im Moment nichts beantwortet.",
    en.STOPPED_PRIVATELY: "Angehalten.",
    en.NOT_YOURS_TO_STOP: "Anhalten kann diese Antwort nur, wer gefragt hat oder hier moderiert.",
    en.NOT_YOURS_TO_DELETE: "Löschen kann diese Antwort nur, wer gefragt hat oder hier moderiert.",
    en.NOT_KNOWN_ANY_MORE: "Diese Antwort kenne ich nicht mehr. Bitte frage noch einmal.",
    en.STILL_GROWING: "Diese Antwort wächst noch. Halte sie an, oder warte, bis sie fertig ist.",
    en.NOT_LAST: "Das Gespräch ist seit dieser Antwort weitergegangen. Bitte frage stattdessen neu.",
    en.THANK_YOU: "Danke, das ist notiert.",
    en.FILE_TITLE: "Die Antwort als Datei",
    en.FILE_FAILED: "Die Datei ließ sich hier nicht hochladen. Vielleicht muss es erlauben, wer diesen Ort verwaltet.",
    en.DELETED: "Gelöscht.",
    en.DELETE_FAILED: "Ich konnte nicht alles von dieser Antwort löschen.",
    en.NEW_CONVERSATION: "Erledigt. Mit der nächsten Frage beginnt hier ein neues Gespräch.",
    en.FORM_TOO_OLD: "Dieses Formular ist inzwischen zu alt. Bitte öffne es noch einmal.",
    en.OPEN_BUTTON: "Öffnen",
    en.PRESS_TO_OPEN: "Der Knopf öffnet das Formular.",
    en.UNKNOWN_ORDER: "Diesen Befehl kenne ich nicht.",
    en.HELP: """\
**So fragst du mich**
- Erwähne mich, oder schreib mir direkt. In einem Thread, in dem ich geantwortet habe, geht es auch ohne Erwähnung.
- `/ask` und deine Frage, oder „Ask Claude about this“ im Menü einer Nachricht.

**Während ich antworte**: der Knopf Anhalten, die Reaktion 🛑, oder das bloße Wort „stop“.
**Danach**: Neu antworten, Weiter, die Antwort als Datei, Löschen. Ändere deine Frage, und ich antworte neu.

**Befehle**: `/claude settings`, `/claude usage`, `/claude new` (ein neues Gespräch), `/claude stop`, \
`/claude forget me`, `/claude help`. Wo man keinen Befehl schreiben kann, etwa in einem Thread, erwähne mich mit dem \
Wort allein: „settings“, „usage“, „new“, „help“, „forget me“.""",
    en.ASK_TITLE: "Claude fragen",
    en.ASK_FIELD: "Deine Frage",
    en.ASK_SUBMIT: "Fragen",
    en.SUMMARIZE_QUESTION: "Bitte fasse dieses Gespräch zusammen: was gesagt, entschieden und offen gelassen wurde, "
    "und von wem.",
    en.ABOUT_QUESTION: "Die Frage bezieht sich auf diese Nachricht von {name}:\n\n{quote}",
    en.FEEDBACK_TITLE: "Was war falsch?",
    en.FEEDBACK_FIELD: "Ein Kommentar, wenn du magst",
    en.FEEDBACK_SUBMIT: "Senden",
    en.FORGET_QUESTION: "Das löscht, was ich über dich gespeichert habe: deine Fragen mit ihren Antworten, deine "
    "Bewertungen und deinen Namen. Nachrichten in den Kanälen bleiben. Es lässt sich nicht rückgängig machen.",
    en.FORGET_YES: "Vergiss mich",
    en.FORGOTTEN: "Erledigt. Ich habe gelöscht, was ich über dich gespeichert hatte.",
    en.SETTINGS_SAVED: "Gespeichert.",
    en.SETTINGS_FOR_MANAGERS: "Meine Einstellungen kann nur ändern, wer diesen Ort verwaltet.",
    en.SETTINGS_WHERE: "Was möchtest du einstellen?",
    en.SETTINGS_CHANNEL: "Diesen Kanal",
    en.SETTINGS_WORKSPACE: "Überall hier",
    en.SUMMARISED: "Frühere Nachrichten wurden zusammengefasst.",
    en.GOING_ON: "Bitte mach genau da weiter, wo du aufgehört hast, ohne etwas zu wiederholen.",
    en.FILES_LEFT_OUT: "Ausgelassen: {reasons}.",
    en.FILE_TOO_LARGE: "{name} ist größer als {limit}",
    en.FILE_UNKNOWN: "{name} ist von einer Art, die ich nicht lesen kann",
    en.FILE_DENIED: "{name} darf ich nicht lesen",
    en.FILE_UNAVAILABLE: "{name} war nicht abzurufen",
    en.FILE_TOO_MANY: "{name} ist eine Datei zu viel",
    en.FILE_BROKEN: "{name} ließ sich nicht öffnen",
    en.ATTACHED_WHOLE: "Die ganze Antwort liegt als {name} bei.",
    en.ATTACHED_CODE: "Beigefügt: {names}.",
    en.ANSWERED: "Deine Antwort ist fertig.",
    en.STEERED: "Hier angehalten für die nächste Nachricht.",
}
