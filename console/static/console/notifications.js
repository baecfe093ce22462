/* Notifications of the browser, for whoever switched them on in it: on one page of all that are open, the one
   that holds the lock. It hears that there is something new, also while it is hidden, and fetches it. What it has
   shown is kept in the browser, so that nothing is lost or shown twice when one goes from page to page. */

import { all, say } from "./page.js";

const PERSON = "amends.notifications"; // who switched them on here; nobody else is shown anything
const UNTIL = "amends.notifications.until"; // what was shown, or missed, until then
const RETRY = 60000; // ms, where there is no stream

const viewer = document.body.dataset.viewer || "";
const isPossible = "Notification" in window && "locks" in navigator && window.isSecureContext;
const isOn = () => isPossible && viewer && Notification.permission === "granted" && localStorage.getItem(PERSON) === viewer;

const icon = document.querySelector("link[rel=icon]")?.href;

const show = ({ thread, title, body, path }) => {
  const shown = new Notification(title, { body, tag: thread, renotify: true, icon });
  shown.onclick = () => {
    shown.close();
    window.focus();
    location.assign(path);
  };
};

const fetchNews = async () => {
  const after = localStorage.getItem(UNTIL) || "";
  const answer = await fetch(`/account/notifications/news?${new URLSearchParams({ after })}`);
  if (!answer.ok || answer.redirected) return;
  const { news, until } = await answer.json();
  localStorage.setItem(UNTIL, until);
  news.forEach(show);
};

// Until the page is left.
const listen = () => new Promise(() => {
  let stream = null;
  const hear = () => { if (isOn()) fetchNews().catch(() => {}); };
  const connect = () => {
    if (!isOn()) return;
    stream = new EventSource("/live?topics=alerts");
    stream.onopen = hear; // what was said while there was none was missed
    stream.onmessage = hear;
    stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) setTimeout(connect, RETRY); };
  };
  connect();
  window.addEventListener("pagehide", () => stream?.close());
});

const follow = () => {
  if (isOn()) navigator.locks.request("amends.notifications", listen).catch(() => {});
};

/* The page that switches them on and off */

const WORDS = {
  impossible: "This browser, or a connection that is not secure, shows no notifications.",
  denied: "The browser refuses them: allow notifications for this site in its settings.",
  off: "They are off in this browser.",
  on: "They are on in this browser.",
};

const standing = () => {
  if (!isPossible) return "impossible";
  if (Notification.permission === "denied") return "denied";
  return isOn() ? "on" : "off";
};

const dress = (panel) => {
  const now = standing();
  panel.querySelector("[data-says]").textContent = WORDS[now];
  for (const button of all("button", panel)) button.hidden = !button.dataset.when.split(" ").includes(now);
};

const ACTS = {
  on: async () => {
    if (await Notification.requestPermission() !== "granted") return;
    localStorage.setItem(PERSON, viewer);
    localStorage.removeItem(UNTIL);
    await fetchNews();
    follow();
  },
  off: async () => localStorage.removeItem(PERSON),
  try: async () => show({ thread: "amends-try", title: "Amends", body: "This is how alerts look.", path: "/" }),
};

for (const panel of all("[data-notifications]")) {
  panel.addEventListener("click", async (event) => {
    const act = ACTS[event.target.closest("button")?.dataset.act];
    if (!act) return;
    try {
      await act();
    } catch {
      say("This browser cannot show them from a page.");
    }
    dress(panel);
  });
  dress(panel);
}

follow();
