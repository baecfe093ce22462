/* Live fragments. An element with an id and data-live="topic topic" is fetched again, from the page's own address
   or from data-live-from, when /live says that one of its topics changed. Nothing is replaced while it is being
   read: while it holds a selection, a field in use, an open menu, a payload that somebody asked to see (data-shown),
   or the pointer moves over it. Open <details> with an id and the focused row stay as they are. Where /live cannot
   be had, everything is fetched every 10 seconds. */

import { ROWS, all, linkOf, typing } from "./page.js";
import { ago } from "./times.js";

const EVERY = 2000; // ms between two fetches, at least
const POLL = 10000; // ms, where there is no stream; and until a hidden tab gives its stream up
const READING = 3000; // ms after the pointer moved

const pending = new Set(); // ids of fragments that changed
const last = new Map(); // id → the HTML as it came, without the times in words: those go on by themselves
let stream = null;
let state = "connecting";
let updatedAt = Date.now(); // of what is shown
let fetchedAt = Date.now();
let fetching = false;
let pointer = { at: 0, over: null };

document.addEventListener("pointermove", (event) => {
  pointer = { at: Date.now(), over: event.target };
}, { passive: true });

const read = (element) => {
  const active = document.activeElement;
  if (typing(active) && element.contains(active)) return true;
  if (element.querySelector("details.chip-menu[open], details.menu[open], input:checked, dialog[open], [data-shown]")) return true;
  const selection = window.getSelection();
  if (selection && !selection.isCollapsed && selection.containsNode(element, true)) return true;
  return Date.now() - pointer.at < READING && element.contains(pointer.over);
};

// What stands first in the window, to be kept where it is. At the top of the page nothing is: news is seen there.
const anchor = () => {
  if (window.scrollY < 8) return null;
  const seen = all("main [id]").find((one) => {
    const { top, height } = one.getBoundingClientRect();
    return height > 0 && height < window.innerHeight && top >= 0 && top < window.innerHeight;
  });
  return seen && { id: seen.id, top: seen.getBoundingClientRect().top };
};

const replace = (element, fresh) => {
  const html = fresh.outerHTML;
  // Nothing is drawn anew, or told again to assistive technology, for "3 s ago" that has become "5 s ago".
  const told = html.replace(/(<time\b[^>]*>)[^<]*/g, "$1");
  if (last.get(element.id) === told) return;
  last.set(element.id, told);
  const place = anchor();
  const open = new Map(all("details[id]", element).map((one) => [one.id, one.open]));
  const focused = element.contains(document.activeElement) && document.activeElement;
  const row = focused && focused.closest(ROWS)?.id;
  const id = focused && focused.id;
  const fold = focused && focused.matches("summary") && focused.parentElement.id;
  htmx.swap(element, html, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
  const now = document.getElementById(element.id);
  if (!now) return;
  for (const one of all("details[id]", now)) if (open.has(one.id)) one.open = open.get(one.id);
  const again = (id && document.getElementById(id))
    || (fold && document.getElementById(fold)?.querySelector("summary"))
    || (row && document.getElementById(row));
  if (again) (again.matches(ROWS) ? linkOf(again) : again).focus({ preventScroll: true });
  const kept = place && document.getElementById(place.id);
  if (kept) window.scrollBy({ top: kept.getBoundingClientRect().top - place.top, behavior: "instant" });
};

const addressOf = (element) => element.dataset.liveFrom || location.pathname + location.search;

/* How it goes, in words */

const WORDS = {
  live: "live",
  polling: "every 10 s",
  offline: "not reachable",
  "signed out": "signed out: reload to sign in",
};

const show = (next) => {
  state = next;
  const text = `${WORDS[state] || state} · updated ${ago(Math.floor((Date.now() - updatedAt) / 1000))}`;
  for (const element of all("[data-live-state]")) {
    element.dataset.state = state;
    if (element.lastChild?.nodeValue === text) continue;
    const dot = document.createElement("span");
    dot.className = "dot";
    element.replaceChildren(dot, text);
  }
};

/* Fetching */

// Put what an address holds in place of these; tells what went wrong, if anything did.
const fetchInto = async (address, elements) => {
  const answer = await fetch(address, { headers: { "X-Live": "1" }, credentials: "same-origin" });
  if (answer.redirected && answer.url.includes("/accounts/login")) return "signed out";
  if (!answer.ok) return "offline";
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (address === addressOf(document.body)) document.title = page.title;
  for (const element of elements) {
    const fresh = page.getElementById(element.id);
    if (!fresh || !element.isConnected) continue;
    if (read(element)) pending.add(element.id);
    else replace(element, fresh);
  }
  return "";
};

const isStreaming = () => stream?.readyState === EventSource.OPEN;

const refresh = async () => {
  if (fetching || document.hidden || !pending.size || Date.now() - fetchedAt < EVERY) return;
  pending.forEach((id) => { if (!document.getElementById(id)) pending.delete(id); });
  const due = [...pending].map((id) => document.getElementById(id)).filter((one) => !read(one));
  if (!due.length) return;
  fetching = true;
  fetchedAt = Date.now();
  due.forEach((one) => pending.delete(one.id));
  let failure = "";
  try {
    for (const address of new Set(due.map(addressOf))) {
      failure ||= await fetchInto(address, due.filter((one) => addressOf(one) === address));
    }
  } catch {
    failure = "offline";
  }
  fetching = false;
  if (failure) due.forEach((one) => pending.add(one.id));
  else updatedAt = Date.now();
  show(failure || (isStreaming() ? "live" : "polling"));
};

// These topics changed; null: nobody knows which.
const heard = (topics) => {
  for (const element of all("[id][data-live]")) {
    const wanted = element.dataset.live.split(" ");
    if (!topics || wanted.some((topic) => topics.includes(topic))) pending.add(element.id);
  }
  refresh();
};

/* Listening */

const connect = () => {
  const topics = new Set(all("[id][data-live]").flatMap((element) => element.dataset.live.split(" ")));
  if (stream || document.hidden || !topics.size) return;
  stream = new EventSource(`/live?${new URLSearchParams({ topics: [...topics].join(" ") })}`);
  stream.onopen = () => {
    show("live");
    heard(null); // what was said since the page was made, or the stream was lost, was missed
  };
  stream.onmessage = (event) => {
    const changed = event.data.split(" ");
    heard(changed.includes("all") ? null : changed);
  };
  stream.onerror = () => {
    show("polling");
    if (stream.readyState === EventSource.CLOSED) {
      stream = null;
      setTimeout(connect, POLL);
    }
  };
};

const disconnect = () => {
  stream?.close();
  stream = null;
};

// A hidden tab holds no stream: browsers allow a site six connections over all its tabs.
let leaving = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving);
  if (document.hidden) {
    leaving = setTimeout(disconnect, POLL);
  } else if (stream) {
    refresh();
  } else {
    connect();
    heard(null);
  }
});
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  connect();
  heard(null);
});

// Begin, once the page is there.
export const follow = () => {
  connect();
  setInterval(() => { refresh(); show(state); }, 1000);
  setInterval(() => { if (!isStreaming()) heard(null); }, POLL);
};
