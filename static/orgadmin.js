/* Small things every page needs. Each block is one concern and knows nothing of the others.
   Nothing here is needed to get work done: links and forms are real without it. */
(() => {
  'use strict';

  const $ = id => document.getElementById(id);
  const on = (type, act, capture = false) => document.addEventListener(type, act, capture);
  const say = text => { if (text) $('status').textContent = text; };
  const visible = element => element.checkVisibility();
  const typing = element => element.matches('input, textarea, select, [contenteditable]');

  /* Chinese input: "y", "ya", "yan" are not yet words. Hide them from htmx and the counters, then report the finished word.
     And one Latin letter is too little to search for (one Han character is enough). */
  {
    const hide = event => { if (event.isComposing) event.stopPropagation(); };
    for (const type of ['input', 'keyup']) on(type, hide, true);
    on('compositionend', ({ target }) => target.dispatchEvent(new Event('input', { bubbles: true })));

    on('htmx:beforeRequest', event => {
      const { elt, triggeringEvent } = event.detail.requestConfig;
      if (triggeringEvent?.type === 'input' && elt.closest('[role="search"]') && /^[\x21-\x7e]$/.test(elt.value?.trim())) event.preventDefault();
    });
  }

  /* A click that asks for a new tab or window gets one: htmx would take it. */
  on('click', event => {
    if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest?.('a[hx-get]')) event.stopPropagation();
  }, true);

  /* One submit at a time. The button says what is happening; it is never disabled, because that would drop the focus. */
  {
    const underWay = new Map();       // form -> function that restores its button

    function begin(form, button) {
      if (!button || underWay.has(form)) return;
      const label = [...button.childNodes];
      const tell = setTimeout(() => {
        if (!button.dataset.busy) return;
        button.style.minWidth = `${button.offsetWidth}px`;
        button.replaceChildren(button.dataset.busy);
        say(button.dataset.busy);
      }, 150);
      const giveUp = setTimeout(end, 20000, form);          // a navigation the person stopped
      button.setAttribute('aria-disabled', true);
      underWay.set(form, () => {
        clearTimeout(tell);
        clearTimeout(giveUp);
        button.removeAttribute('aria-disabled');
        button.removeAttribute('style');      // htmx would copy it to the new button, and the CSP would object
        button.replaceChildren(...label);
      });
    }
    function end(form) {
      underWay.get(form)?.();
      underWay.delete(form);
    }

    on('submit', event => {
      if (!underWay.has(event.target)) return;
      event.preventDefault();
      event.stopPropagation();
    }, true);
    on('submit', ({ target, submitter, defaultPrevented }) => {
      const posts = target.getAttribute('method')?.toLowerCase() === 'post' && !target.hasAttribute('target');
      if (posts && !defaultPrevented) begin(target, submitter);
    });
    on('htmx:beforeRequest', ({ detail: { requestConfig: { elt, triggeringEvent } }, defaultPrevented }) => {
      const form = elt.closest('form');
      if (form && triggeringEvent?.type === 'submit' && !defaultPrevented) {
        begin(form, triggeringEvent.submitter ?? form.querySelector('button:not([type="button"])'));
      }
    });
    const ended = ({ detail }) => {
      if (!detail.keepIndicators) end(detail.requestConfig.elt.closest('form'));      // kept while the browser follows a redirect
    };
    on('htmx:beforeSwap', ended);
    on('htmx:afterRequest', ended);
    addEventListener('pageshow', ({ persisted }) => { if (persisted) [...underWay.keys()].forEach(end); });
  }

  /* Signing in again in another tab makes the tokens in this page's forms old. After an answer that says so (401, 403) the next
     form to be sent first gets a new one, so that "save again" is true. */
  {
    let old = false, renewing = false;

    async function renew() {
      const page = await (await fetch(document.querySelector('.brand').href)).text();
      const fresh = new DOMParser().parseFromString(page, 'text/html').querySelector('[name="csrfmiddlewaretoken"]');
      for (const token of fresh ? document.querySelectorAll('[name="csrfmiddlewaretoken"]') : []) token.value = fresh.value;
    }

    on('htmx:afterRequest', ({ detail: { xhr } }) => { if (xhr.status === 401 || xhr.status === 403) old = true; });
    on('htmx:confirm', async event => {
      const { verb, issueRequest } = event.detail;
      if (verb !== 'post' || !old) return;
      event.preventDefault();
      if (renewing) return;
      renewing = true;
      await renew().catch(() => {});        // without a new token the old one is refused again, and says so
      old = renewing = false;
      issueRequest();
    });
  }

  /* Work in progress: main is busy; the style sheet shows the bar after 300 ms. Polls do not count. */
  {
    let request;
    on('htmx:beforeRequest', ({ detail: { target, xhr, requestConfig }, defaultPrevented }) => {
      if (target.id !== 'main' || !requestConfig.triggeringEvent || defaultPrevented) return;
      request = xhr;
      target.setAttribute('aria-busy', true);
    });
    on('htmx:afterRequest', ({ detail: { xhr } }) => { if (xhr === request) $('main').removeAttribute('aria-busy'); });
    // An answer that comes after the person has asked for another page is for nobody: one to a link, or to a page's own look.
    on('htmx:beforeSwap', ({ detail }) => {
      const { target, xhr, requestConfig: { elt, verb, triggeringEvent } } = detail;
      if (target.id === 'main' && verb === 'get' && (triggeringEvent ? xhr !== request : !elt.isConnected)) detail.shouldSwap = false;
    });
  }

  /* Where the focus goes after a swap (ux.md 1.7): opening from the tree or a tab leaves it there and speaks data-status;
     everything else goes to the element the server marked with data-focus, or to the heading. A poll moves nothing. */
  {
    document.querySelector('.summary[data-focus]')?.focus();         // a whole page that came back with errors

    let seen;
    const marked = part => part.matches('[data-focus], [autofocus]') ? part : part.querySelector('[data-focus], [autofocus]');

    on('htmx:afterSwap', ({ target: part, detail: { target, xhr, requestConfig: { elt, verb, triggeringEvent } } }) => {
      const main = $('main');
      if (!triggeringEvent || !main || !(part instanceof Element)) return;
      if (target !== main) {
        const found = target.id === 'found';
        if (found) say(target.querySelector('.found')?.textContent);
        if (found || main.contains(part)) marked(part)?.focus();
        return;
      }
      if (xhr === seen) return;           // htmx tells once for every element that came
      seen = xhr;
      const panes = document.querySelector('.panes'), tab = elt.closest('.tabs'), heading = main.querySelector('h1');
      if (panes) panes.dataset.view = 'page';
      if (!tab) scrollTo(0, 0);
      const stays = elt.matches('.nm') && elt.isConnected && visible(elt) ? elt : tab && main.querySelector('.tabs [aria-current]');
      const field = verb === 'get' && main.querySelector('form.form:has(.primary) :is(input, select, textarea):not([type="hidden"])');
      (stays || marked(main) || field || heading || main).focus();
      if (stays) say(main.querySelector('[data-status]')?.dataset.status);
      for (const link of document.querySelectorAll('.results .nm')) {
        if (link.pathname === location.pathname) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
    });
  }

  /* #alert: a lost network or a time-out has no answer to show, so the page brings the sentence. It stays until something works. */
  {
    let source;
    function warn(name, elt) {
      source = elt;
      $('alert').replaceChildren($(name)?.content.cloneNode(true) ?? '');
    }
    on('htmx:sendError', ({ detail }) => warn('offline-text', detail.requestConfig.elt));
    on('htmx:timeout', ({ detail }) => warn('timeout-text', detail.requestConfig.elt));
    addEventListener('offline', () => warn('offline-text'));
    addEventListener('online', () => { if (!source) $('alert').replaceChildren(); });
    on('htmx:afterSwap', ({ detail: { target, requestConfig: { elt, triggeringEvent } } }) => {
      if (target.id === 'alert') source = elt;
      else if (triggeringEvent || elt === source) $('alert').replaceChildren();
    });
  }

  /* data-copy: the text to copy, or the address of the page if empty; data-copied: what to say then. */
  {
    async function copy(text) {
      if (navigator.clipboard) return navigator.clipboard.writeText(text);
      const area = document.createElement('textarea');      // plain http on another host than localhost
      area.className = 'sr';
      area.value = text;
      document.body.append(area);
      const before = document.activeElement;
      area.select();
      document.execCommand('copy');
      area.remove();
      before?.focus();
    }
    on('click', async ({ target }) => {
      const button = target.closest('[data-copy]');
      if (!button) return;
      await copy(button.dataset.copy || location.href);
      say(button.dataset.copied);
      button.classList.add('copied');
      setTimeout(() => button.classList.remove('copied'), 1500);
    });
  }

  /* data-count="64" on a field, <span class="counter" data-text="{n} of {max}"> beside it: characters as people count them,
     not UTF-16 units, of the text as the server will store it. Spoken only near the end, and only in a pause. */
  {
    let pause;
    on('input', ({ target }) => {
      const max = Number(target.dataset?.count), counter = max && target.closest('.field')?.querySelector('.counter');
      if (!counter) return;
      const n = [...target.value.trim().normalize('NFC')].length;
      counter.textContent = (counter.dataset.text ?? '{n} / {max}').replace('{n}', n).replace('{max}', max);
      counter.classList.toggle('over', n > max);
      clearTimeout(pause);
      if (n > max - 10) pause = setTimeout(say, 1000, counter.textContent);
    });
  }

  /* Menus are <details>: close on Escape, on a click elsewhere, and when the focus leaves. */
  {
    const close = (keep, focus) => {
      for (const menu of document.querySelectorAll('details.menu[open]')) {
        if (menu.contains(keep)) continue;
        menu.open = false;
        if (focus) menu.querySelector('summary').focus();
      }
    };
    on('click', ({ target }) => close(target));
    on('focusin', ({ target }) => close(target));
    on('keydown', ({ key, target }) => { if (key === 'Escape') close(null, target.closest('details.menu')); });
  }

  /* a[data-dialog]: its page has a part for a dialog, shown over what one is doing. Where that fails, the page itself. */
  on('click', async event => {
    const link = event.target.closest('a[data-dialog]'), from = document.activeElement;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const answer = await fetch(`${link.href}?part=dialog`, { headers: { 'HX-Request': 'true' } }).catch(() => null);
    if (answer?.status !== 200) return location.assign(link.href);
    if (document.querySelector('dialog[open]')) return;
    const dialog = document.createElement('dialog');
    dialog.innerHTML = await answer.text();
    dialog.setAttribute('aria-labelledby', dialog.querySelector('h2').id);
    document.body.append(dialog);
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (document.activeElement !== document.body) return;        // given back already, or somebody has moved on
      if (from !== document.body && visible(from)) from.focus();
      else (event.isTrusted ? link.closest('.menu')?.querySelector('summary') ?? link : $('main')).focus();   // its menu has closed; or the key ?
    });
    dialog.showModal();
  });

  /* Keys for the whole page (ux.md 1.8). Single characters can be switched off: <html data-shortcuts="off">. */
  {
    const box = () => document.querySelector('[role="search"] input');
    const inTree = () => document.querySelector('.results .nm, [role="treeitem"][tabindex="0"]');

    function seek() {
      box().focus();
      box().select();
    }
    function clear(input) {
      input.value = '';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }
    function walk(link, step) {
      const links = [...document.querySelectorAll('.results .nm')], i = links.indexOf(link) + step;
      (i < 0 ? box() : links[i])?.focus();
    }
    function region(step) {
      const regions = [box(), inTree(), $('main')].filter(element => element && visible(element));
      const here = regions.findIndex(element => element === document.activeElement || element.closest('form, dept-tree, ol, main').contains(document.activeElement));
      regions.at((here + step) % regions.length)?.focus();
    }
    /** The button Ctrl+S stands for. A form that deletes has none: its button is not primary. */
    const saving = () => (document.activeElement.closest('form') ?? document).querySelector('main form.form button.primary');

    on('keydown', event => {
      const { key, target, altKey, isComposing } = event, modified = event.ctrlKey || event.metaKey;
      if (isComposing || altKey || event.defaultPrevented) return;
      const own = act => { event.preventDefault(); act(); };
      const search = target.closest('[role="search"] input'), result = target.closest('.results .nm');
      if (modified && key === 'k' && box()) own(seek);
      else if (modified && key === 's' && saving()) own(() => saving().form.requestSubmit(saving()));
      else if (modified) return;
      else if (key === 'F6') own(() => region(event.shiftKey ? -1 : 1));
      else if ((search || result) && key === 'Escape' && box().value) own(() => { box().focus(); clear(box()); });
      else if (search && key === 'ArrowDown' && inTree()) own(() => inTree().focus());
      else if (result && (key === 'ArrowDown' || key === 'ArrowUp')) own(() => walk(result, key === 'ArrowUp' ? -1 : 1));
      else if (typing(target) || document.documentElement.dataset.shortcuts === 'off') return;
      else if (key === '/' && box()) own(seek);
      else if (key === '?') own(() => document.querySelector('[data-dialog]')?.click());
    });
  }
})();
