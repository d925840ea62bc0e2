// The report is complete without scripts; these let the reader choose a layer and sort tables.
"use strict";
for (const strip of document.querySelectorAll(".strip")) {
  const energy = JSON.parse(strip.querySelector("script").textContent);
  const high = Number(strip.dataset.high);
  const tokens = strip.querySelectorAll(".token:not(.first)");
  const slider = strip.querySelector("input");
  slider.addEventListener("input", () => {
    strip.querySelector("output").textContent = slider.value;
    energy[Number(slider.value)].forEach((value, t) => {
      const heat = value === null ? 0 : Math.min(Math.max(value / high, 0), 1);
      tokens[t].style.setProperty("--e", heat.toFixed(3));
      tokens[t].classList.toggle("warm", heat > 0.5);
      tokens[t].classList.toggle("strong", heat > 0.7);
      tokens[t].title = value === null ? "undefined" : value.toPrecision(4) + " nats";
    });
  });
}
const number = (text) => Number(text.replace(/,/g, "").replace(/^\[/, "").split(" ")[0]);
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("th").forEach((head, column) => {
    head.tabIndex = 0;
    const sort = () => {
      const descending = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const numeric = head.classList.contains("n");
      const key = (row) => {
        const text = row.cells[column].textContent;
        const value = numeric ? number(text) : text;
        return numeric && Number.isNaN(value) ? -Infinity : value;
      };
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
      if (descending) rows.reverse();
      body.append(...rows);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}
