// Runs before the first paint, so that a reader who follows the system's dark colours sees no white flash.
// A classic script: modules are deferred, which is too late. The server has already written an explicit choice.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    if ((root.dataset.theme || "auto") === "auto") root.dataset.bsTheme = dark.matches ? "dark" : "light";
  };
  apply();
  dark.addEventListener("change", apply);
})();
