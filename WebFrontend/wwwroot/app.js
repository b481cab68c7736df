// The parts of the dashboard that run in the browser: keyboard shortcuts, relative times, the scroll position of logs.
(() => {
  'use strict';
  const theme = 'shipinator-theme';
  const isDark = () => document.documentElement.dataset.theme === 'dark';
  const setTheme = dark => { document.documentElement.dataset.theme = dark ? 'dark' : 'light'; };
  let layout = null;
  let openOnStart = false; // Ctrl+K was pressed before the page was interactive

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

  // Blazor owns the text node; only its value is changed.
  const setText = (el, text) => { if (el.firstChild && el.firstChild.nodeValue !== text) el.firstChild.nodeValue = text; };

  function tick() {
    const now = Date.now();
    for (const el of document.querySelectorAll('[data-since]')) setText(el, duration(now - el.dataset.since));
    for (const el of document.querySelectorAll('[data-ago]')) setText(el, ago(now - el.dataset.ago));
    for (const el of document.querySelectorAll('[data-local]')) {
      // The text is UTC, like all times; the title is the same time on the reader's clock.
      const local = new Date(Number(el.dataset.local)).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
      if (el.title !== local) el.title = local;
    }
    for (const el of document.querySelectorAll('[data-eta]')) {
      const left = el.dataset.eta - now;
      setText(el, left > 0 ? 'in ' + duration(left) : duration(-left) + ' overdue');
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
      else openOnStart = true;
    } else if (e.key === 'Enter' && e.shiftKey && e.target.matches?.('.log input[type=search]')) {
      const before = e.target.closest('.logbar').querySelector('.before');
      if (before) {
        e.preventDefault();
        e.target.dispatchEvent(new Event('change', { bubbles: true }));
        before.click();
      }
    } else if (!typing(e.target) && !e.ctrlKey && !e.metaKey && !e.altKey) {
      // Single-letter shortcuts work only on the log and while nothing has the focus, so that speech input does not trigger them.
      const here = e.target.closest?.('.log');
      if (!here && e.target.closest?.('a, button, summary, dialog, [role=dialog], [role=button]')) return;
      if (e.key === '/') {
        const box = (here ?? document).querySelector('.log input[type=search], .logbar input[type=search], form[role=search] input[type=search]');
        if (box) { e.preventDefault(); box.focus(); }
      } else if (e.key === 'f') {
        (here ?? document).querySelector('.lines')?.shipinator?.owner.invokeMethodAsync('FollowKeyAsync');
      }
    }
  });

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', e => {
    if (localStorage.getItem(theme)) return;
    setTheme(e.matches);
    layout?.invokeMethodAsync('SystemThemeChanged', e.matches);
  });

  // The server no longer has the circuit of this page. The state is in the address, so reloading loses nothing.
  document.addEventListener('DOMContentLoaded', () => {
    const modal = document.getElementById('components-reconnect-modal');
    modal?.addEventListener('components-reconnect-state-changed', e => {
      if (e.detail.state === 'rejected') location.reload();
      if (e.detail.state === 'failed') reloadWhenLive();
    });
  });
  async function reloadWhenLive() {
    for (;;) {
      try {
        if ((await fetch('/healthz/live', { cache: 'no-store' })).ok) { location.reload(); return; }
      } catch { /* still unavailable */ }
      await new Promise(done => setTimeout(done, 1000));
    }
  }

  const lineHeight = 20;
  const log = {
    attach(box, owner, following, live) {
      // set: the position that was set last. Any other position was set by the user, with the wheel, touch, keyboard or scrollbar.
      const state = { owner, following, live, target: null, set: box.scrollTop };
      box.shipinator = state;
      box.addEventListener('scroll', () => log.moved(box), { passive: true });
      state.observer = new MutationObserver(() => { log.moved(box); log.settle(box); });
      state.observer.observe(box, { childList: true, subtree: true, attributes: true, attributeFilter: ['style'] });
    },
    detach(box) { box?.shipinator?.observer.disconnect(); if (box) delete box.shipinator; },
    moved(box) {
      const state = box.shipinator, top = box.scrollTop;
      if (!state || Math.abs(top - state.set) <= 1) return;
      const isEnd = box.scrollHeight - top - box.clientHeight < lineHeight;
      // Closer to the start and still at the end: the content became shorter, as when wrapping is turned off.
      if (top < state.set && isEnd) return;
      state.set = top;
      state.target = null;
      const following = state.live && isEnd;
      if (following !== state.following) {
        state.following = following;
        state.owner.invokeMethodAsync('FollowChanged', following);
      }
    },
    follow(box, on) { if (box.shipinator) { box.shipinator.following = on; log.settle(box); } },
    // align: 0 for the top, 1 for the bottom, null for anywhere in view.
    go(box, line, align, following) {
      const state = box.shipinator;
      if (!state) return;
      state.following = following;
      state.target = following ? null : { line, align };
      log.settle(box);
    },
    // The log is complete: a user who followed it sees the last line once it is rendered, and can then scroll freely.
    seal(box, line) {
      const state = box.shipinator;
      if (!state) return;
      state.live = false;
      if (state.following) log.go(box, line, 1, false);
    },
    // The number of the selected line if it is in view, or of the first line that is.
    where(box) {
      const top = box.getBoundingClientRect().top;
      const isInView = row => {
        const at = row.getBoundingClientRect();
        return at.bottom > top + 1 && at.top < top + box.clientHeight;
      };
      const rows = [...box.querySelectorAll('[data-line]')].filter(isInView);
      const row = rows.find(r => r.classList.contains('at')) ?? rows[0];
      return row ? Number(row.dataset.line) : null;
    },
    settle(box) {
      const state = box.shipinator;
      if (state.following) box.scrollTop = box.scrollHeight;
      else if (state.target) log.place(box);
      else return;
      state.set = box.scrollTop;
    },
    // Blazor renders the space for other lines after the first ones: until the line is there, each change triggers another attempt.
    place(box) {
      const { line, align } = box.shipinator.target;
      const row = box.querySelector(`[data-line="${line}"]`);
      if (row) {
        const hit = row.querySelector('mark'), at = (hit ?? row).getBoundingClientRect(), frame = box.getBoundingClientRect();
        const above = at.top - frame.top, room = box.clientHeight - at.height;
        if (align !== null) box.scrollTop += above - room * align;
        else if (above < 0 || above > room) box.scrollTop += above - box.clientHeight / 3;
        const before = at.left - frame.left;
        if (hit && (before < 0 || before + at.width > box.clientWidth)) box.scrollLeft += before - box.clientWidth / 3;
        box.shipinator.target = null;
      } else if (!box.classList.contains('wrapped')) {
        box.scrollTop = Math.max(0, (line - box.dataset.first) * lineHeight - box.clientHeight / 3);
      }
    },
  };

  window.shipinator = {
    start(owner) {
      layout = owner;
      tick();
      if (openOnStart) layout.invokeMethodAsync('OpenPaletteAsync');
      return isDark();
    },
    keepTheme(dark) { localStorage.setItem(theme, dark ? 'dark' : 'light'); setTheme(dark); },
    openDialog(dialog) { if (!dialog.open) dialog.showModal(); dialog.querySelector('input')?.focus(); },
    show(element) { element.scrollIntoView({ block: 'nearest' }); },
    closeDialog(dialog) { dialog.close(); },
    log,
  };
})();
