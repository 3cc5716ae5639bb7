// System, light, dark: kept in a cookie, so that the server writes it into the first byte of the next page.
const order = ["auto", "light", "dark"];
const root = document.documentElement;

function set(theme) {
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  root.dataset.theme = theme;
  const dark = theme === "dark" || (theme === "auto" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.bsTheme = dark ? "dark" : "light";
  mark();
}

function mark() {
  document.querySelectorAll("[data-theme-set]").forEach((button) => {
    const on = button.dataset.themeSet === root.dataset.theme;
    button.classList.toggle("active", on);
    button.setAttribute("aria-pressed", String(on));
  });
}

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-theme-set]");
  if (chosen) set(chosen.dataset.themeSet);
  else if (event.target.closest("[data-theme-switch]")) {
    set(order[(order.indexOf(root.dataset.theme) + 1) % order.length]);
  }
});
mark();
