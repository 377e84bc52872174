// What the console does in the browser without asking the server: relative times, coloured code, copying, keys, forms and their guard.
(() => {
  'use strict';

  // ---- <x-time at="RFC 3339">: relative, the exact time on hover in the viewer's zone and in UTC.
  const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' });
  const units = [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
  const precise = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
  const clock = new Intl.DateTimeFormat(undefined, precise);
  const dated = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', ...precise });
  const timed = (date) => (date.toDateString() === new Date().toDateString() ? clock : dated).format(date);
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long', hourCycle: 'h23' });
  const words = (date) => {
    const seconds = (date.getTime() - Date.now()) / 1000;
    if (Math.abs(seconds) < 5) return seconds > 1 ? 'in a moment' : 'now';
    for (const [unit, size] of units) {
      if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
    }
    return 'now';
  };
  const shown = new Set();
  class RelativeTime extends HTMLElement {
    static observedAttributes = ['at', 'as'];
    constructor() { super(); this.attachShadow({ mode: 'open' }); }
    connectedCallback() { shown.add(this); this.render(); }
    disconnectedCallback() { shown.delete(this); }
    attributeChangedCallback() { this.render(); }
    render() {
      const at = this.getAttribute('at');
      const date = at ? new Date(at) : null;
      const valid = date && !Number.isNaN(date.getTime());
      this.shadowRoot.textContent = !valid ? '–' : this.getAttribute('as') === 'clock' ? timed(date) : words(date);
      if (valid) this.title = `${exact.format(date)}\n${date.toISOString().replace('T', ' ').slice(0, 19)} UTC`;
    }
  }
  customElements.define('x-time', RelativeTime);
  setInterval(() => { if (!document.hidden) shown.forEach((element) => element.render()); }, 5000);

  // ---- <x-code text="…" lang="…">: coloured by a small tokenizer; text only, never markup.
  const keywords = /^(?:async|await|begin|break|case|catch|class|const|def|do|echo|elsif|else|end|export|false|for|foreach|from|func|function|if|import|in|let|new|nil|None|not|null|or|and|package|private|public|raise|require|require_once|return|static|string|byte|error|bool|int|throw|throws|True|False|true|try|except|unless|use|var|void|while|with)$/;
  const pattern = /(\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)(\s*:)?|(-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)|([A-Za-z_$][\w$]*)/g;
  const style = `:host{font-family:var(--x-mono);font-size:12.5px;line-height:19px;letter-spacing:-.02em}
    pre{margin:0;font:inherit;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:2}
    .s{color:var(--x-code-string)}.n{color:var(--x-code-number)}.w{color:var(--x-code-word)}.k{color:var(--x-code-key)}.c{color:var(--x-code-comment)}`;
  const colour = (text, lang, into) => {
    let from = 0;
    const add = (piece, kind) => {
      if (!kind) return into.append(piece);
      const span = document.createElement('span');
      span.className = kind;
      span.textContent = piece;
      into.append(span);
    };
    for (const match of text.matchAll(pattern)) {
      const [whole, comment, string, colon, number, word] = match;
      let kind = '';
      if (comment !== undefined) kind = lang === 'json' || (lang === 'shell' && !/(^|\s)$/.test(text.slice(0, match.index).slice(-1))) ? '' : 'c';
      else if (string !== undefined) kind = colon && lang === 'json' ? 'k' : 's';
      else if (number !== undefined) kind = 'n';
      else if (word !== undefined && keywords.test(word)) kind = 'w';
      add(text.slice(from, match.index), '');
      if (string !== undefined && colon) { add(string, kind); add(colon, ''); } else add(whole, kind);
      from = match.index + whole.length;
    }
    add(text.slice(from), '');
  };
  class Code extends HTMLElement {
    static observedAttributes = ['text', 'syntax'];
    constructor() { super(); this.attachShadow({ mode: 'open' }); }
    connectedCallback() { this.render(); }
    attributeChangedCallback() { if (this.isConnected) this.render(); }
    render() {
      const text = this.getAttribute('text') ?? '';
      const sheet = document.createElement('style');
      sheet.textContent = style;
      const pre = document.createElement('pre');
      const lang = this.getAttribute('syntax') ?? 'text';
      if (lang === 'text' || text.length > 60000) pre.textContent = text;
      else colour(text, lang, pre);
      this.shadowRoot.replaceChildren(sheet, pre);
    }
  }
  customElements.define('x-code', Code);

  // ---- <x-chart points="JSON" label="…">: lines over time; the values of a moment on hover, and by arrow keys on focus.
  // points is {"at": [RFC 3339, …], "lines": [{"tone", "values": [number or null, …], "words": [text, …]}, …]}, all of one length.
  const minute = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const chartStyle = `:host{display:block;position:relative;height:36px;border-radius:4px;outline-offset:3px;touch-action:pan-y}
    :host(:focus-visible){outline:2px solid var(--accent-8)}
    svg{width:100%;height:100%;display:block;overflow:visible}path{vector-effect:non-scaling-stroke;fill:none;stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}
    .base{stroke:var(--x-line);stroke-width:1}
    i{position:absolute;top:-4px;bottom:0;width:1px;background:var(--gray-a7);pointer-events:none}
    div{position:absolute;bottom:calc(100% + 6px);z-index:5;padding:4px 8px;border:1px solid var(--x-line-strong);border-radius:6px;background:var(--x-card);
      color:var(--gray-12);box-shadow:var(--x-elevation);font-size:12px;line-height:16px;white-space:nowrap;pointer-events:none;font-variant-numeric:tabular-nums}
    small{display:block;font-size:inherit;color:var(--x-soft)}[hidden]{display:none}`;
  class Chart extends HTMLElement {
    static observedAttributes = ['points', 'label'];
    constructor() {
      super();
      this.attachShadow({ mode: 'open' }).innerHTML = `<style>${chartStyle}</style><svg viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true"></svg><i hidden></i><div hidden></div>`;
      this.addEventListener('pointermove', (event) => {
        const box = this.getBoundingClientRect();
        this.show(Math.round(((event.clientX - box.left) / box.width) * (this.at.length - 1)));
      });
      this.addEventListener('pointerleave', () => this.show(-1));
      this.addEventListener('focus', () => { if (this.matches(':focus-visible')) this.show(this.at.length - 1); });
      this.addEventListener('blur', () => this.show(-1));
      this.addEventListener('keydown', (event) => {
        const last = this.at.length - 1, from = this.index < 0 ? last : this.index;
        const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: -1 }[event.key];
        if (to === undefined || last < 1) return;
        event.preventDefault();
        this.show(event.key === 'Escape' ? -1 : Math.min(Math.max(to, 0), last));
      });
      this.at = []; this.lines = []; this.index = -1;
    }
    connectedCallback() { this.render(); }
    attributeChangedCallback() { if (this.isConnected) this.render(); }
    render() {
      let given = null;
      try { given = JSON.parse(this.getAttribute('points') || 'null'); } catch { given = null; }
      this.at = given?.at ?? []; this.lines = this.at.length > 1 ? given.lines : [];
      const top = Math.max(...this.lines.flatMap((line) => line.values.map((value) => value ?? 0)), 0) || 1;
      const step = 120 / Math.max(this.at.length - 1, 1);
      const path = (line) => line.values.map((value, place, all) => {
        if (value === null) return '';
        const [x, y] = [(place * step).toFixed(1), (30 - (value / top) * 28).toFixed(1)];
        const [before, after] = [all[place - 1] ?? null, all[place + 1] ?? null];
        if (before === null && after === null) return `M${x},31V${y}`;  // alone, it stands as a bar
        return `${before === null ? 'M' : 'L'}${x},${y}`;
      }).join('');
      const svg = this.shadowRoot.querySelector('svg');
      svg.innerHTML = this.lines.length ? '<path class="base" d="M0,31.5H120"/>' : '';
      for (const line of [...this.lines].reverse()) {  // the first is drawn last, on top; a second one only where it is not flat
        if (line !== this.lines[0] && !line.values.some((value) => value)) continue;
        const drawn = document.createElementNS('http://www.w3.org/2000/svg', 'path');
        drawn.setAttribute('d', path(line));
        drawn.style.stroke = `var(--${/^[a-z]+$/.test(line.tone) ? line.tone : 'accent'}-9)`;
        svg.append(drawn);
      }
      if (this.lines.length) { this.setAttribute('role', 'slider'); this.setAttribute('aria-label', this.getAttribute('label') ?? ''); this.tabIndex = 0; }
      else for (const name of ['role', 'aria-label', 'tabindex', 'aria-valuemin', 'aria-valuemax', 'aria-valuenow', 'aria-valuetext']) this.removeAttribute(name);
      this.show(Math.min(this.index, this.at.length - 1));
    }
    show(index) {
      this.index = this.lines.length ? Math.min(index, this.at.length - 1) : -1;
      const [mark, told] = [this.shadowRoot.querySelector('i'), this.shadowRoot.querySelector('div')];
      mark.hidden = told.hidden = this.index < 0;
      if (!this.lines.length) return;
      const place = this.index < 0 ? this.at.length - 1 : this.index;
      const when = minute.format(new Date(this.at[place])), words = this.lines.map((line) => line.words[place]).join(', ');
      for (const [name, value] of [['min', 0], ['max', this.at.length - 1], ['now', place], ['text', `${when}: ${words}`]]) this.setAttribute(`aria-value${name}`, value);
      if (this.index < 0) return;
      const share = place / (this.at.length - 1);
      const time = document.createElement('small');
      time.textContent = when;
      told.replaceChildren(time, words);
      mark.style.left = `${share * 100}%`;
      told.style.left = `${share * 100}%`;
      told.style.transform = `translateX(${-share * 100}%)`;
    }
  }
  customElements.define('x-chart', Chart);

  // ---- Copy and download: buttons say what to copy in data-copy; a page without a clipboard (plain http) uses a selection.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement('textarea');
    area.value = text;
    area.style.cssText = 'position:fixed;opacity:0';
    (document.querySelector('[role=dialog]') ?? document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  };
  document.addEventListener('click', async (event) => {
    const target = event.target.closest?.('[data-copy],[data-download]');
    if (!target) return;
    event.preventDefault();
    event.stopPropagation();
    if (target.dataset.download !== undefined) {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([`${target.dataset.content}\n`], { type: 'text/plain' }));
      link.download = target.dataset.download;
      link.click();
      URL.revokeObjectURL(link.href);
      return;
    }
    await copy(target.dataset.copy);
    target.setAttribute('data-copied', '');
    const live = document.getElementById('x-announce');
    if (live) live.textContent = 'Copied';
    setTimeout(() => { target.removeAttribute('data-copied'); if (live) live.textContent = ''; }, 1600);
  }, true);

  // ---- Presets: a button with data-check="a b" checks those boxes of its form whose values are named, and clears the others.
  document.addEventListener('click', (event) => {
    const preset = event.target.closest?.('[data-check]');
    if (!preset) return;
    const wanted = new Set(preset.dataset.check.split(' '));
    preset.closest('form').querySelectorAll('input[type=checkbox][name^="scope:"]').forEach((box) => {
      const [, resource, action] = box.name.split(':');
      box.checked = wanted.has(`${resource}:${action}`) || wanted.has(`*:${action}`);
    });
  });

  // ---- The second press of a double click does nothing: the first one has asked already.
  document.addEventListener('click', (event) => {
    if (event.detail < 2 || !event.target.closest?.('.x-button[data-busy],.x-button[type=submit]')) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // ---- Keys: / searches, g and a letter goes, ? helps, Escape leaves what is typed in, then closes the panel beside the page.
  let going = 0;
  const typing = (element) => element?.closest?.('input,textarea,select,[contenteditable]');
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === 'Escape' && event.target.closest('[data-search],[data-panel]')) event.target.blur();
      return;
    }
    if (document.querySelector('[role=dialog],[role=alertdialog],[role=menu]')) return;
    if (event.key === 'Escape') document.querySelector('[data-panel] [data-close]')?.click();
    if (Date.now() - going < 1200 && /^[a-z]$/.test(event.key)) {
      going = 0;
      const link = document.querySelector(`[data-go="${event.key}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === 'g') going = Date.now();
    else if (event.key === '/') {
      const search = document.querySelector('[data-search]');
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === '?') {
      event.preventDefault();
      document.querySelector('[data-help]')?.click();
    }
  });

  // ---- What is wrong in a form: words beside the field instead of the browser's bubble, and the first such field is gone to.
  const wrong = '[aria-invalid=true],.x-error[role=alert],.x-note-bad';
  const unfold = (element) => { for (let box = element.closest('details'); box; box = box.parentElement.closest('details')) box.open = true; };
  const reveal = (element) => {
    const inside = element.matches('.x-error') && element.closest('.x-field')?.querySelector('input,select,textarea');
    const target = element.matches('[aria-invalid]') ? element : inside || element;
    if (target === element && !element.matches('[aria-invalid]')) target.tabIndex = -1;
    element.scrollIntoView({ block: 'center' });
    target.focus({ preventScroll: true });
  };
  const reason = ({ validity, type, min, max, minLength, validationMessage }) => {
    if (validity.valueMissing) return 'Fill this in.';
    if (validity.badInput) return type === 'number' ? 'This is no number. Use digits.' : 'This date is not whole. Complete it, or clear it.';
    if (validity.typeMismatch && type === 'email') return 'That is not an e-mail address. Write it as name@example.com.';
    if (validity.typeMismatch && type === 'url') return 'That is not a URL. Write it as https://example.com.';
    if (validity.tooShort) return `Use at least ${minLength} characters.`;
    if (validity.rangeUnderflow) return `Use ${min} or more.`;
    if (validity.rangeOverflow) return `Use ${max} or less.`;
    return validationMessage;
  };
  let told = false;
  document.addEventListener('invalid', (event) => {
    const control = event.target, field = control.closest('.x-field') ?? control.parentElement;
    event.preventDefault();
    field.querySelector('[data-told]')?.remove();
    const words = document.createElement('p');
    words.className = 'x-error';
    words.setAttribute('role', 'alert');
    words.setAttribute('data-told', '');
    words.textContent = reason(control);
    field.append(words);
    control.setAttribute('aria-invalid', 'true');
    control.addEventListener('input', () => { words.remove(); control.setAttribute('aria-invalid', 'false'); }, { once: true });
    unfold(control);
    if (!told) { told = true; reveal(control); setTimeout(() => { told = false; }); }
  }, true);
  const follow = (form) => {
    let asked = false;
    const answer = (changes) => {
      const busy = form.querySelector('[aria-busy=true]') !== null;
      asked ||= busy;
      const came = (node) => node.nodeType === 1 && (node.matches(wrong) || node.querySelector(wrong) !== null);
      const fresh = changes.some((change) => [...change.addedNodes].some(came) || (change.attributeName === 'aria-invalid' && change.target.matches(wrong)));
      if (busy || !(asked || fresh)) return;
      watch.disconnect();
      const found = form.querySelectorAll(wrong);
      found.forEach(unfold);
      if (found.length > 0) reveal(found[0]);
    };
    const watch = new MutationObserver(answer);
    watch.observe(form, { subtree: true, childList: true, attributeFilter: ['aria-busy', 'aria-invalid'] });
    return watch;
  };
  let followed = null;
  document.addEventListener('submit', (event) => {
    const form = event.target;
    const halves = [...form.elements].filter((control) => control.validity?.badInput);  // what is typed there the server would not see
    if (halves.length > 0) {
      event.preventDefault();
      event.stopImmediatePropagation();
      halves.forEach((control) => control.checkValidity());
      return;
    }
    followed?.disconnect();
    followed = follow(form);
    if (form.dataset.dirty !== undefined) form.dataset.dirty = 'sent';
  }, true);

  // ---- Forms that the browser posts (data-keep): back on the same page with an error, what was typed is there again, but no password.
  const typedIn = 'form[data-keep]:has(input:not([type=hidden]))';
  const kept = `typed ${location.pathname}`;
  const keep = (form) => {
    const typed = [...form.elements].filter(({ name, type }) => name && !['hidden', 'password', 'submit'].includes(type));
    sessionStorage.setItem(kept, JSON.stringify(typed.map(({ name, value }) => [name, value])));
  };
  const restore = (form) => {
    JSON.parse(sessionStorage.getItem(kept)).forEach(([name, value]) => { if (form.elements[name]?.value === '') form.elements[name].value = value; });
    sessionStorage.removeItem(kept);
    follow(form);
  };
  document.addEventListener('submit', (event) => { if (event.target.matches(typedIn)) keep(event.target); });
  if (!new URLSearchParams(location.search).has('error')) sessionStorage.removeItem(kept);
  else if (sessionStorage.getItem(kept) !== null) {
    new MutationObserver((_, watch) => {
      const form = document.querySelector(typedIn);
      if (form) { watch.disconnect(); restore(form); }
    }).observe(document, { subtree: true, childList: true });
  }

  // ---- Leaving asks: where a form (data-guard, which counts how often it was saved) is not saved, or a secret not stored.
  const dirty = () => [...document.querySelectorAll('form[data-guard][data-dirty]')];
  const unstored = () => document.querySelector('[data-unstored=true]') !== null;
  const question = 'What you changed here is not saved. Leave without saving?';
  const lost = 'This is shown only once, and you have not said that you stored it. Leave without it?';
  const forget = () => document.querySelectorAll('[data-unstored]').forEach((panel) => panel.removeAttribute('data-unstored'));
  new MutationObserver((changes) => changes.forEach(({ target }) => { if (target.dataset.dirty === 'sent') delete target.dataset.dirty; }))
    .observe(document, { subtree: true, attributeFilter: ['data-guard'] });
  document.addEventListener('input', (event) => {
    const form = event.target.closest?.('form[data-guard]');
    if (form) form.dataset.dirty = 'typed';
  });
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || link.target === '_blank' || event.ctrlKey || event.metaKey) return;
    const loses = unstored() && link.pathname !== location.pathname;
    if (dirty().length === 0 && !loses) return;
    if (window.confirm(loses ? lost : question)) {
      dirty().forEach((form) => form.removeAttribute('data-dirty'));
      forget();
    } else { event.preventDefault(); event.stopPropagation(); }
  }, true);
  const closing = (event) => {  // Escape, or a press beside the dialog, closes it
    const panel = document.querySelector('[role=dialog] [data-unstored=true]');
    if (!panel || (event.type === 'keydown' ? event.key !== 'Escape' : event.target.closest?.('[role=dialog]'))) return;
    if (window.confirm(lost)) forget();
    else { event.preventDefault(); event.stopImmediatePropagation(); }
  };
  document.addEventListener('keydown', closing, true);
  document.addEventListener('pointerdown', closing, true);
  window.addEventListener('beforeunload', (event) => { if (dirty().length > 0 || unstored()) event.preventDefault(); });
})();
