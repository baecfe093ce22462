/* Amends in the browser: times in the viewer's zone, keys, copying, live fragments. Every page works without it.

   Live: an element with an id and data-live="topic topic" is fetched again, from the page's own address or from
   data-live-from, when /live says that one of its topics changed. Nothing is replaced while it is being read:
   while it holds a selection, a field in use, an open menu, or the pointer moves over it. Open <details> with an
   id and the focused row stay as they are. Where /live cannot be had, everything is fetched every 10 seconds. */

(() => {
  "use strict";

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const pad = (number, width = 2) => String(number).padStart(width, "0");

  /* Times. The same words as console/wording.py. */

  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const span = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
    return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
  };

  const ago = (seconds) => {
    if (Math.abs(seconds) < 2) return "just now";
    return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
  };

  const clock = (date, now, style) => {
    const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
    if (style === "ms") return `${time}.${pad(date.getMilliseconds(), 3)}`;
    const year = date.getFullYear() === now.getFullYear() ? "" : ` ${date.getFullYear()}`;
    const day = `${date.getDate()} ${MONTHS[date.getMonth()]}${year}`;
    if (style === "full") return `${day} ${time}`;
    return date.toDateString() === now.toDateString() ? time : `${day} ${time.slice(0, 5)}`;
  };

  const tick = (root = document) => {
    const now = new Date();
    for (const element of all("time[data-when]", root)) {
      const date = new Date(element.dateTime);
      const style = element.dataset.when;
      const seconds = (now - date) / 1000;
      const text = style === "ago" ? ago(seconds) : style === "age" ? span(seconds) : clock(date, now, style);
      if (element.textContent !== text) element.textContent = text;
    }
  };

  // From the next page on the server itself writes times in this zone.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;

  /* Copying */

  const say = (text) => { document.getElementById("said").textContent = text; };

  const writeClipboard = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Plain http has no clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };

  const copy = async (element) => {
    await writeClipboard(element.dataset.copy);
    element.classList.add("copied");
    say(`Copied ${element.dataset.copy}`);
    setTimeout(() => element.classList.remove("copied"), 1500);
  };

  const dress = (root) => {
    for (const element of all("[data-copy]", root)) {
      element.hidden = false;
      if (element.matches("button")) continue;
      element.tabIndex = 0;
      element.setAttribute("role", "button");
      element.title ||= "Click to copy";
    }
    for (const button of all("[data-keys]", root)) button.hidden = false;
    tick(root);
  };

  /* Keys */

  const ROWS = "[data-row]";
  const linkOf = (row) => row.querySelector("a.row-link, a[href], button, summary") || row;

  const step = (by) => {
    const rows = all(ROWS).filter((row) => row.offsetParent !== null);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
    linkOf(rows[next]).focus();
    rows[next].scrollIntoView({ block: "nearest" });
  };

  const KEYS = {
    "/": () => { const find = document.getElementById("find"); find?.focus(); find?.select(); },
    j: () => step(1),
    k: () => step(-1),
    o: () => document.activeElement?.closest(ROWS) && linkOf(document.activeElement.closest(ROWS)).click(),
    x: () => document.activeElement?.closest(ROWS)?.querySelector("input[type=checkbox]")?.click(),
    "?": () => document.getElementById("keys").showModal(),
  };

  const typing = (element) => element?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      all("details.menu[open], details.chip-menu[open]").forEach((menu) => {
        menu.open = false;
        if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      });
      if (typing(document.activeElement)) document.activeElement.blur();
      return;
    }
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("[data-copy][role=button]")) {
      event.preventDefault();
      copy(event.target);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const act = KEYS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open], details.chip-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (event.target.closest("[data-keys]")) KEYS["?"]();
    const copied = event.target.closest("[data-copy]");
    if (copied && !window.getSelection().toString()) copy(copied);
    const everything = event.target.closest("input[data-select-all]");
    if (everything) {
      const form = everything.closest("form");
      all("input[type=checkbox][name]", form).forEach((box) => { box.checked = everything.checked; });
    }
    const row = event.target.closest("[data-row]");
    if (row && !event.target.closest("a, button, input, label, summary, select, textarea, [data-copy]")) {
      if (!window.getSelection().toString()) row.querySelector("a.row-link")?.click();
    }
  });

  // A second press of the same button sends nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });

  /* Live */

  const EVERY = 2000; // ms between two fetches, at least
  const POLL = 10000; // ms, where there is no stream
  const READING = 3000; // ms after the pointer moved

  const pending = new Set(); // ids of fragments that changed
  const last = new Map(); // id → the HTML as it came
  let fetchedAt = Date.now();
  let fetching = false;
  let pointer = { at: 0, over: null };
  let state = "connecting";

  document.addEventListener("pointermove", (event) => {
    pointer = { at: Date.now(), over: event.target };
  }, { passive: true });

  const read = (element) => {
    const active = document.activeElement;
    if (typing(active) && element.contains(active)) return true;
    if (element.querySelector("details.chip-menu[open], details.menu[open], input:checked, dialog[open]")) return true;
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
    if (last.get(element.id) === html) return;
    last.set(element.id, html);
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

  const refresh = async () => {
    if (fetching || document.hidden || !pending.size || Date.now() - fetchedAt < EVERY) return;
    const due = [...pending].map((id) => document.getElementById(id)).filter((one) => one && !read(one));
    pending.forEach((id) => { if (!document.getElementById(id)) pending.delete(id); });
    if (!due.length) return;
    fetching = true;
    fetchedAt = Date.now();
    try {
      for (const address of new Set(due.map(addressOf))) {
        const here = due.filter((one) => addressOf(one) === address);
        here.forEach((one) => pending.delete(one.id));
        const answer = await fetch(address, { headers: { "X-Live": "1" }, credentials: "same-origin" });
        if (answer.redirected && answer.url.includes("/accounts/login")) return show("signed out");
        if (!answer.ok) return show("offline");
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const one of here) {
          const fresh = page.getElementById(one.id);
          if (!fresh || !one.isConnected) continue;
          if (read(one)) pending.add(one.id);
          else replace(one, fresh);
        }
      }
      updatedAt = Date.now();
      show(stream?.readyState === EventSource.OPEN ? "live" : "polling");
    } catch {
      show("offline");
    } finally {
      fetching = false;
    }
  };

  const touch = (topics) => {
    for (const element of all("[id][data-live]")) {
      const wanted = element.dataset.live.split(" ");
      if (!topics || wanted.some((topic) => topics.includes(topic))) pending.add(element.id);
    }
    refresh();
  };

  let updatedAt = Date.now();
  const show = (next) => {
    state = next;
    const words = { live: "live", polling: "every 10 s", offline: "not reachable", "signed out": "signed out: reload to sign in" };
    for (const element of all("[data-live-state]")) {
      const seconds = Math.floor((Date.now() - updatedAt) / 1000);
      const text = `${words[state] || state} · updated ${ago(Math.max(0, seconds))}`;
      element.dataset.state = state;
      if (element.lastChild?.nodeValue !== text) {
        const dot = document.createElement("span");
        dot.className = "dot";
        element.replaceChildren(dot, text);
      }
    }
  };

  let stream = null;
  const connect = () => {
    if (stream || document.hidden) return;
    const topics = new Set(all("[id][data-live]").flatMap((element) => element.dataset.live.split(" ")));
    if (!topics.size || !window.EventSource) return;
    stream = new EventSource(`/live?${new URLSearchParams({ topics: [...topics].join(" ") })}`);
    let before = false;
    stream.onopen = () => {
      show("live");
      if (before) touch(null); // what was said meanwhile was missed
      before = true;
    };
    stream.onmessage = (event) => touch(event.data.split(" "));
    stream.onerror = () => {
      show("polling");
      if (stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(connect, POLL);
      }
    };
  };

  const disconnect = () => { stream?.close(); stream = null; };

  // A hidden tab holds no stream: browsers allow a site six connections over all tabs.
  let left = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(left);
    if (document.hidden) left = setTimeout(disconnect, POLL);
    else if (stream) refresh();
    else { connect(); touch(null); }
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { connect(); touch(null); } });

  document.addEventListener("htmx:load", (event) => dress(event.detail.elt));
  document.addEventListener("htmx:responseError", () => say("The server could not answer. Try again."));

  dress(document);
  // On a phone the top bar's entries scroll sideways: show where we are.
  const current = document.querySelector(".nav-link[aria-current]");
  if (current) current.closest(".nav").scrollLeft = current.offsetLeft - 16;
  connect();
  setInterval(() => { tick(); refresh(); show(state); }, 1000);
  setInterval(() => { if (!stream || stream.readyState !== EventSource.OPEN) touch(null); }, POLL);
})();
