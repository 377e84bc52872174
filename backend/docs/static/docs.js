// The documentation's pages: light or dark, and the interactive reference where there is one. Keys stay in the page's memory.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const wish = window.matchMedia("(prefers-color-scheme: dark)");
  const kept = () => { try { return localStorage.getItem("crossdock.docs.theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("crossdock.docs.theme", theme); } catch { /* it lasts as long as the page, then */ } };
  const show = () => {
    const dark = (kept() ?? (wish.matches ? "dark" : "light")) === "dark";
    root.classList.toggle("dark-mode", dark);
    button.setAttribute("aria-pressed", String(dark));
  };
  button.hidden = false;
  button.addEventListener("click", () => { keep(root.classList.contains("dark-mode") ? "light" : "dark"); show(); });
  wish.addEventListener("change", show);
  show();

  const place = document.getElementById("reference");
  if (!place || !window.SwaggerUIBundle) return;
  window.SwaggerUIBundle({
    domNode: place,
    url: place.dataset.schema,
    deepLinking: true,
    docExpansion: "list",
    onComplete: () => place.querySelector(".operation-filter-input")?.setAttribute("aria-label", "Filter by tag"),
    defaultModelsExpandDepth: -1,
    defaultModelExpandDepth: 3,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: false,
    requestSnippetsEnabled: true,
    showExtensions: false,
    tryItOutEnabled: true,
    validatorUrl: null,
    withCredentials: false,
  });
})();
