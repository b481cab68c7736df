// On the error page of a server that is not ready: reloads the page when the server is.
(async () => {
  for (;;) {
    await new Promise(done => setTimeout(done, 2000));
    try {
      if ((await fetch('/healthz/ready', { cache: 'no-store' })).ok) { location.reload(); return; }
    } catch { /* still unavailable */ }
  }
})();
