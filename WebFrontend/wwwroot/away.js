// On the page of a server that can't answer: loads it again once the server can.
(async () => {
  for (;;) {
    await new Promise(done => setTimeout(done, 2000));
    try {
      if ((await fetch('/healthz/ready', { cache: 'no-store' })).ok) { location.reload(); return; }
    } catch { /* still away */ }
  }
})();
