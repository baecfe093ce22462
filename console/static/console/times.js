/* Times in the viewer's zone, in the same words as console/wording.py writes them. */

import { all } from "./page.js";

const pad = (number, width = 2) => String(number).padStart(width, "0");

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const span = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
};

export const ago = (seconds) => {
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

export const tick = (root = document) => {
  const now = new Date();
  for (const element of all("time[data-when]", root)) {
    const date = new Date(element.dateTime);
    const style = element.dataset.when;
    const seconds = (now - date) / 1000;
    const text = style === "ago" ? ago(seconds) : style === "age" ? span(seconds) : clock(date, now, style);
    if (element.textContent !== text) element.textContent = text;
  }
};
