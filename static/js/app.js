// What every page does. Each concern is a module of its own; all listen on the document, so that fragments which
// htmx brings later need no set-up.
import "./copy.js";
import "./dialogs.js";
import "./drafts.js";
import "./fragments.js";
import "./keyboard.js";
import "./lists.js";
import "./row-editor.js";
import "./scrolling.js";
import "./theme-switch.js";
import "./times.js";
