// What only a browser can do: keys, the passing of time, the place in a log.
(() => {
  'use strict';
  const theme = 'shipinator-theme';
  const isDark = () => document.documentElement.dataset.theme === 'dark';
  const setTheme = dark => { document.documentElement.dataset.theme = dark ? 'dark' : 'light'; };
  let layout = null;
  let isWanted = false; // the palette, before there was a page to open it

  function duration(ms) {
    const s = Math.max(0, ms) / 1000;
    if (s < 10) return s.toFixed(1) + ' s';
    if (s < 60) return Math.floor(s) + ' s';
    const pad = n => String(Math.floor(n)).padStart(2, '0');
    if (s < 3600) return Math.floor(s / 60) + ' min ' + pad(s % 60) + ' s';
    return Math.floor(s / 3600) + ' h ' + pad(s % 3600 / 60) + ' min';
  }

  function ago(ms) {
    const s = ms / 1000;
    if (s < 5) return 'just now';
    if (s < 60) return Math.floor(s) + ' s ago';
    if (s < 3600) return Math.floor(s / 60) + ' min ago';
    if (s < 86400) return Math.floor(s / 3600) + ' h ago';
    return Math.floor(s / 86400) + ' d ago';
  }

  // The text node stays the framework's own; only its value is ours.
  const say = (el, text) => { if (el.firstChild && el.firstChild.nodeValue !== text) el.firstChild.nodeValue = text; };

  function tick() {
    const now = Date.now();
    for (const el of document.querySelectorAll('[data-since]')) say(el, duration(now - el.dataset.since));
    for (const el of document.querySelectorAll('[data-ago]')) say(el, ago(now - el.dataset.ago));
    for (const el of document.querySelectorAll('[data-eta]')) {
      const left = el.dataset.eta - now;
      say(el, left > 0 ? 'in ' + duration(left) : duration(-left) + ' later than usual');
    }
    for (const el of document.querySelectorAll('.progress')) {
      const part = (now - el.dataset.begin) / Math.max(1, el.dataset.end - el.dataset.begin);
      el.firstElementChild.style.width = Math.min(100, Math.max(0, part * 100)) + '%';
      el.classList.toggle('late', part > 1);
    }
  }
  setInterval(tick, 1000);
  new MutationObserver(() => requestAnimationFrame(tick)).observe(document.documentElement, { childList: true, subtree: true });

  const typing = el => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
  document.addEventListener('keydown', e => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      if (layout) layout.invokeMethodAsync('OpenPaletteAsync');
      else isWanted = true;
    } else if (!typing(e.target) && !e.ctrlKey && !e.metaKey && !e.altKey) {
      if (e.key === '/') {
        const box = document.querySelector('.log input[type=search], form[role=search] input[type=search]');
        if (box) { e.preventDefault(); box.focus(); }
      } else if (e.key === 'f') {
        document.querySelector('.log .lines')?.shipinator?.owner.invokeMethodAsync('FollowKeyAsync');
      }
    }
  });

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', e => {
    if (localStorage.getItem(theme)) return;
    setTheme(e.matches);
    layout?.invokeMethodAsync('SystemThemeChanged', e.matches);
  });

  // A server that has forgotten this page's circuit: everything is in the address, so loading it again loses nothing.
  document.addEventListener('DOMContentLoaded', () => {
    const modal = document.getElementById('components-reconnect-modal');
    modal?.addEventListener('components-reconnect-state-changed', e => {
      if (e.detail.state === 'rejected') location.reload();
      if (e.detail.state === 'failed') whenBack();
    });
  });
  async function whenBack() {
    for (;;) {
      try {
        if ((await fetch('/healthz/live', { cache: 'no-store' })).ok) { location.reload(); return; }
      } catch { /* still away */ }
      await new Promise(done => setTimeout(done, 1000));
    }
  }

  const lineHeight = 20;
  const log = {
    attach(box, owner, following) {
      const state = { owner, following, target: null };
      box.shipinator = state;
      const moved = () => {
        state.target = null;
        const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 2 * lineHeight;
        if (atEnd !== state.following) {
          state.following = atEnd;
          owner.invokeMethodAsync('FollowChanged', atEnd);
        }
      };
      // Only a person's own movement ends the following; what grows below does not.
      for (const name of ['wheel', 'touchmove', 'keyup', 'pointerup']) box.addEventListener(name, () => requestAnimationFrame(moved), { passive: true });
      state.observer = new MutationObserver(() => {
        if (state.following) box.scrollTop = box.scrollHeight;
        else if (state.target) log.place(box);
      });
      state.observer.observe(box, { childList: true, subtree: true, attributes: true, attributeFilter: ['style'] });
      box.closest('.steppanel')?.scrollIntoView({ block: 'nearest' });
    },
    detach(box) { box?.shipinator?.observer.disconnect(); if (box) delete box.shipinator; },
    follow(box, on) { if (box.shipinator) { box.shipinator.following = on; if (on) log.toEnd(box); } },
    toEnd(box) { if (box.shipinator) box.shipinator.target = null; box.scrollTop = box.scrollHeight; },
    toLine(box, line) { if (box.shipinator) { box.shipinator.target = line; log.place(box); } },
    // The room for lines that are not drawn comes a moment after the first are: until the line is there, each change is another try.
    place(box) {
      const line = box.shipinator.target;
      const row = box.querySelector(`[data-line="${line}"]`);
      if (row) {
        box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
        box.shipinator.target = null;
      } else if (!box.classList.contains('wrapped')) {
        box.scrollTop = Math.max(0, (line - 1) * lineHeight - box.clientHeight / 3);
      }
    },
  };

  window.shipinator = {
    start(owner) {
      layout = owner;
      tick();
      if (isWanted) layout.invokeMethodAsync('OpenPaletteAsync');
      return isDark();
    },
    keepTheme(dark) { localStorage.setItem(theme, dark ? 'dark' : 'light'); setTheme(dark); },
    openDialog(dialog) { if (!dialog.open) dialog.showModal(); dialog.querySelector('input')?.focus(); },
    closeDialog(dialog) { dialog.close(); },
    log,
  };
})();
