/* What every part asks of the page. */

export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// A row of a list, and what opens it.
export const ROWS = "[data-row]";
export const linkOf = (row) => row.querySelector("a.row-link, a[href], button, summary") || row;

export const typing = (element) => (
  element?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select")
);

// To assistive technology.
export const say = (text) => { document.getElementById("said").textContent = text; };
