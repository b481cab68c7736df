// Sets the theme before the first paint: the one that was selected in this browser, or that of the system.
(() => {
  const kept = localStorage.getItem('shipinator-theme');
  const dark = kept ? kept === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
