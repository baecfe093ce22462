/* The text of a definition: what is told of a line selects it. Without this the link leads to the line as it is
   shown below. */

import { all } from "./page.js";

const select = (area, number) => {
  const lines = area.value.split("\n");
  const begin = lines.slice(0, number - 1).reduce((length, line) => length + line.length + 1, 0);
  area.focus({ preventScroll: true });
  area.setSelectionRange(begin, begin + (lines[number - 1] ?? "").length);
  const height = parseFloat(getComputedStyle(area).lineHeight);
  area.scrollTop = Math.max(0, (number - 1) * height - area.clientHeight / 3);
  area.scrollIntoView({ block: "nearest" });
};

for (const link of all("a[data-line]")) {
  link.addEventListener("click", (event) => {
    const area = document.getElementById("text");
    if (!area) return;
    event.preventDefault();
    select(area, Number(link.dataset.line));
  });
}
