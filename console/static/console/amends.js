/* Amends in the browser. Every page works without it; with it there are times in the viewer's zone (times.js),
   keys and copying (keys.js), pages that change while one looks at them (live.js), and alerts as notifications of the
   browser (notifications.js). */

import "./keys.js";
import { follow } from "./live.js";
import "./notifications.js";
import { all, say } from "./page.js";
import { tick } from "./times.js";

// From the next page on the server itself writes times in this zone.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) {
  document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  for (const element of all("[data-zone]")) element.textContent = zone;
}

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

document.addEventListener("htmx:load", (event) => dress(event.detail.elt));
document.addEventListener("htmx:responseError", () => say("The server could not answer. Try again."));

dress(document);
// On a phone the top bar's entries scroll sideways: show where we are.
const current = document.querySelector(".nav-link[aria-current]");
if (current) current.closest(".nav").scrollLeft = current.offsetLeft - 16;
follow();
setInterval(() => tick(), 1000);
