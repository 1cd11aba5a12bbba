/* <dept-tree>: nested lists of links become an ARIA tree, after the navigation tree view of the ARIA Authoring Practices.

   The server writes lean rows (tree.html); this file adds roles, levels and places, arrows, one tab stop, keys, and loading on
   demand. Without it the list stays a list of links. It never measures: rows are found by walking siblings, so 2,000 cost what 20 do. */
(() => {
  'use strict';

  const COOKIE_LIMIT = 200;         // opened branches remembered, newest first: about 1.4 KB
  const ADDRESS_LIMIT = 3900;       // gunicorn takes request lines of 4,094 characters
  const LOADS_AT_ONCE = 20;         // what one press of * may ask the server for
  const LOOK_EVERY = 60000;         // ms between looks for changes from elsewhere
  const WORD_ENDS_AFTER = 500;      // ms without a letter

  // A row is an <li>: the link with its name; for departments an arrow and ⋯; once it was opened the list below it.
  // "Loading…" and the item that says where a batch stands have no link, and nobody can go there.
  const linkOf = li => li.firstElementChild;
  const idOf = li => linkOf(li)?.id.slice(1) || '';
  const groupOf = li => li.lastElementChild?.matches('ul') ? li.lastElementChild : null;
  const arrowOf = li => li.querySelector(':scope > .tw');
  const parentOf = node => node.parentElement.closest('li');
  const nameOf = li => linkOf(li).firstChild?.data?.trim() ?? '';
  const isOpen = li => groupOf(li)?.hidden === false;
  const isBatch = li => li.matches('.batch');

  function sibling(li, step) {
    do { li = li[step]; } while (li && !linkOf(li));
    return li;
  }
  function edge(list, first, step) {
    const li = list?.[first];
    return li && !linkOf(li) ? sibling(li, step) : li;
  }
  const firstIn = list => edge(list, 'firstElementChild', 'nextElementSibling');
  const lastIn = list => edge(list, 'lastElementChild', 'previousElementSibling');

  function deepest(li) {
    for (let last; isOpen(li) && (last = lastIn(groupOf(li)));) li = last;
    return li;
  }
  function below(li) {
    const child = isOpen(li) && firstIn(groupOf(li));
    for (; !child && li; li = parentOf(li)) {
      const next = sibling(li, 'nextElementSibling');
      if (next) return next;
    }
    return child || null;
  }
  function above(li) {
    const before = sibling(li, 'previousElementSibling');
    return before ? deepest(before) : parentOf(li);
  }
  /** Who gets the focus when this row goes: the next, else the previous, else the parent. */
  function heirs(li) {
    const found = [li];
    for (const step of ['nextElementSibling', 'previousElementSibling']) for (let n = li; (n = sibling(n, step));) found.push(n);
    for (let n = li; (n = parentOf(n));) found.push(n);
    return found;
  }

  const $ = id => document.getElementById(id);
  const fill = (text, values) => (text ?? '').replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
  const say = text => { if (text) $('status').textContent = text; };
  const figure = n => Number(n).toLocaleString('en');
  const shown = () => document.querySelector('#main [data-dept-id]')?.dataset.deptId ?? '';
  const focused = node => node.contains(document.activeElement);

  /** A fragment of the server's as text; throws the answer where there is none. */
  async function ask(address) {
    const answer = await fetch(address, { headers: { 'HX-Request': 'true' }, signal: AbortSignal.timeout(25000) });
    if (!answer.ok || answer.redirected) throw answer;
    return answer.text();
  }
  async function askForBatch(address) {
    const template = document.createElement('template');
    template.innerHTML = await ask(address);
    return template.content;
  }

  class DeptTree extends HTMLElement {
    #seat = null;          // the link that holds the tab stop
    #stale = new Set();    // batches with rows nobody had read before
    #offer = '';
    #word = '';
    #lastLetter = 0;
    #timer;

    connectedCallback() {
      for (const type of ['click', 'keydown', 'focusin', 'focusout']) this.addEventListener(type, this);
      this.addEventListener('toggle', this, true);
      this.#dress();
      this.#remember();
      this.#timer = setInterval(() => document.hidden || this.#look(), LOOK_EVERY);
      this.querySelector('.nm[aria-current]')?.scrollIntoView({ block: 'nearest' });
    }

    disconnectedCallback() { clearInterval(this.#timer); }

    handleEvent(event) {
      ({ click: this.#click, keydown: this.#key, focusin: this.#enter, focusout: this.#leave, toggle: this.#toggled })[event.type].call(this, event);
    }

    get root() { return this.querySelector('ul.tree'); }
    get menu() { return this.querySelector('[popover]'); }

    // ---- Roles and the one tab stop

    #dress() {
      if (!this.root) return;
      for (const list of new Set([...this.querySelectorAll('.tree li:not([role])')].map(li => li.parentElement))) this.#dressLevel(list);
      const seat = this.#seat, usable = link => link?.role === 'treeitem' && this.contains(link) && !link.closest('ul[hidden]');
      if (usable(seat)) return;
      const first = firstIn(this.root);
      this.#sit([document.activeElement, this.querySelector('.nm[aria-current]'), first && linkOf(first)].find(usable));
    }

    #dressLevel(list) {
      const holder = parentOf(list);
      if (holder && this.contains(holder)) this.#group(holder);
      else list.role = 'tree';
      const level = list === this.root ? 1 : Number(linkOf(holder).ariaLevel) + 1;
      let place = 0, total = 0;
      for (const li of list.children) {
        if (isBatch(li)) [place, total] = [Number(li.dataset.from), li.dataset.of];
        const link = linkOf(li);
        if (!li.role) this.#dressRow(li, link);
        if (!link) continue;
        link.ariaLevel = level;
        if (link.id) [link.ariaPosInSet, link.ariaSetSize] = [++place, total];
      }
    }

    #dressRow(li, link) {
      li.role = 'none';
      if (!link) return;
      link.role = 'treeitem';
      link.tabIndex = link === this.#seat ? 0 : -1;
      if (!link.id) return;
      link.className = 'nm';
      if (link.id === `d${shown()}`) link.ariaCurrent = 'page';
      const act = document.createElement('button');
      Object.assign(act, { type: 'button', className: 'act', tabIndex: -1, ariaHidden: true, textContent: '⋯' });
      const arrow = link.nextElementSibling;
      if (!arrow?.matches('a')) return link.after(act);
      const n = arrow.textContent, unread = n === '…', count = document.createElement('span'), words = document.createElement('span');
      Object.assign(count, { className: 'cnt', ariaHidden: true, textContent: unread ? '' : n });
      Object.assign(words, { className: 'sr', textContent: ` ${unread ? this.dataset.notRead : n === '1' ? this.dataset.oneBelow : fill(this.dataset.below, { n })} ` });
      for (const part of [count, words]) link.insertBefore(part, link.querySelector('.ico'));
      Object.assign(arrow, { className: unread ? 'tw maybe' : 'tw', tabIndex: -1, ariaHidden: true, innerHTML: this.#icon(unread ? 'chevron-dotted' : 'chevron-right') });
      arrow.removeAttribute('aria-describedby');
      arrow.after(act);
      link.ariaExpanded = isOpen(li);
    }

    #icon(symbol) { return `<svg class="icon" aria-hidden="true"><use href="${this.dataset.sprite}#${symbol}"></use></svg>`; }

    /** The list below a row, made when it is first needed. */
    #group(li) {
      const link = linkOf(li), list = groupOf(li) ?? li.appendChild(document.createElement('ul'));
      list.id = `g${idOf(li)}`;
      list.role = 'group';
      link.setAttribute('aria-owns', list.id);
      if (link.ariaExpanded) link.ariaExpanded = isOpen(li);
      return list;
    }

    #sit(link) {
      if (this.#seat) this.#seat.tabIndex = -1;
      this.#seat = link ?? null;
      if (!link) return;
      link.tabIndex = 0;
      this.#aim(link.closest('li'));
    }

    #focus(li) {
      if (!li) return;
      this.#sit(linkOf(li));
      this.#seat.focus();
    }

    #enter({ target }) {
      if (target.role === 'treeitem' && target !== this.#seat) this.#sit(target);
    }

    #leave({ target }) {
      const menu = target.closest('[popover]');
      if (menu) setTimeout(() => { if (menu.matches(':popover-open') && !focused(menu) && document.hasFocus()) menu.hidePopover(); });
    }

    // ---- Opening and closing

    #toggle(li, open = !isOpen(li)) {
      const link = linkOf(li);
      if (!arrowOf(li) || isOpen(li) === open) return;
      const group = this.#group(li);
      if (!open && group.contains(this.#seat)) focused(group) ? this.#focus(li) : this.#sit(link);
      group.hidden = !open;
      link.ariaExpanded = open;
      this.#remember(idOf(li), open);
      if (!open) return;
      if (group.firstElementChild) this.#look();
      else this.#load(li);
    }

    async #load(li) {
      const link = linkOf(li), group = this.#group(li), arrow = arrowOf(li);
      if (link.ariaBusy) return;
      if (focused(group)) this.#focus(li);
      link.ariaBusy = true;
      const waiting = document.createElement('li');
      Object.assign(waiting, { className: 'loading', ariaHidden: true, textContent: this.dataset.loading });
      group.replaceChildren(waiting);
      try {
        this.#place(group, await askForBatch(`${arrow.pathname}?part=tree`));
      } catch (failure) {
        return this.#failed(li, failure);
      } finally {
        link.ariaBusy = null;
      }
      const marker = group.querySelector('.batch'), { of } = marker.dataset;
      say(fill(of === '0' ? this.dataset.empty : of === '1' ? this.dataset.openedOne : this.dataset.opened, { name: nameOf(li), n: figure(of) }));
      if (arrow.matches('.maybe')) this.#stale.add(this.#batchOf(li));
      if (of === '0') this.#leaf(li);
      if (!this.querySelector('[aria-busy]')) await this.#renewStale();
      if (marker.dataset.stale == null) return;
      delete marker.dataset.stale;
      await ask(`${arrow.pathname}?part=look`).catch(() => {});
      this.#look();
    }

    /** What the server counts and versions of a row nobody had read before is other than it was; one answer for all opened at once. */
    async #renewStale() {
      const batches = [...this.#stale];
      this.#stale.clear();
      for (const batch of batches) await this.#renew(batch).catch(() => {});
    }

    #leaf(li) {
      const group = groupOf(li);
      if (group && focused(group)) this.#focus(li);
      for (const part of [group, arrowOf(li)]) part?.remove();
      for (const name of ['aria-expanded', 'aria-owns']) linkOf(li).removeAttribute(name);
      this.#remember(idOf(li), false);
    }

    #failed(li, { status }) {
      const row = document.createElement('li'), again = document.createElement('a');
      row.className = 'failed';
      again.href = arrowOf(li).href;
      again.innerHTML = this.#icon('alert');
      again.append(this.#excuse(status));
      row.append(again);
      groupOf(li).replaceChildren(row);
      this.#dress();
      row.scrollIntoView({ block: 'nearest' });
      if (status === 404 || status === 410) this.#renew(this.#batchOf(li)).catch(() => {});        // it is gone: so is its row
    }

    #excuse(status) {
      const text = status === 429 ? this.dataset.busy : this.dataset.failed;
      say(text);
      return text;
    }

    async #more(li) {
      const link = linkOf(li), list = li.parentElement, before = li.matches('.before');
      if (link.ariaBusy) return;
      link.ariaBusy = true;
      let batch;
      try {
        batch = await askForBatch(`${link.pathname}${link.search}&part=tree`);
      } catch ({ status }) {
        link.textContent = this.#excuse(status);
        return;
      } finally {
        link.ariaBusy = null;
      }
      const here = focused(li), rows = [...batch.children].filter(idOf), { from, of } = batch.querySelector('.batch').dataset;
      this.#merge(list, batch, li, li.nextElementSibling);
      this.#dress();
      if (here) this.#focus(before ? rows.at(-1) : rows[0]);
      say(fill(this.dataset.rows, { from: figure(Number(from) + 1), to: figure(Number(from) + rows.length), total: figure(of) }));
    }

    #opened() { return [...this.querySelectorAll('.tree ul:not([hidden])')].map(list => list.id.slice(1)); }

    /** The cookie the server renders the next page from: ids in base 36, newest first. "0" stands for "nothing is open". */
    #remember(id, open) {
      const short = id => BigInt(id).toString(36), own = id && short(id);
      const known = document.cookie.match(/(?:^|; )tree=([^;]*)/)?.[1].split('.') ?? [];
      const ids = new Set([...open ? [own] : [], ...known, ...this.#opened().map(short)]);
      for (const not of ['', '0', open ? '' : own]) ids.delete(not);
      const secure = location.protocol === 'https:' ? '; Secure' : '';
      document.cookie = `tree=${[...ids].slice(0, COOKIE_LIMIT).join('.') || '0'}; Path=/; Max-Age=2592000; SameSite=Lax${secure}`;
    }

    // ---- Rows drawn anew: after a write of one's own, and when changes from elsewhere are wanted

    #batchOf(li) {
      let marker = li;
      while (!isBatch(marker)) marker = marker.previousElementSibling;
      return `${(parentOf(li) && idOf(parentOf(li))) || 0}.${marker.dataset.from}`;
    }

    async #renew(batch) {
      const [parent, from] = batch.split('.'), list = parent === '0' ? this.root : $(`g${parent}`);
      const fresh = await askForBatch(`/departments/${parent === '0' ? '' : `${parent}/children/`}?part=tree&at=${from}`);
      if (list?.isConnected) this.#place(list, fresh);
    }

    #place(list, fresh) {
      const held = document.activeElement, row = list.contains(held) ? held.closest('li') : null, next = row ? heirs(row) : [];
      this.#merge(list, fresh);
      this.#dress();
      if (row && document.activeElement !== held) this.#focus(next.find(li => this.contains(li) && linkOf(li)) ?? firstIn(this.root));
    }

    /** A batch takes the place of what stands between `at` and `end`; without these, of the same batch, or of everything in the list.
        Rows that are there already stay the same elements, with the focus and with what is open below them. */
    #merge(list, fresh, at, end = null) {
      const marker = [...fresh.children].find(isBatch), batches = [...list.children].filter(isBatch);
      const here = at ? -1 : batches.findIndex(li => li.dataset.from === marker.dataset.from);
      let rows = [...fresh.children];
      if (here >= 0) {
        at = here ? batches[here] : list.firstElementChild;
        end = batches[here + 1] ?? null;
        rows = rows.filter(li => !li.matches('.more') || (li.matches('.before') ? !here : !end));
      }
      at ??= list.firstElementChild;
      const ids = new Set(rows.map(idOf));
      let first = null;
      for (let li = at, next; li && li !== end; li = next) {
        next = li.nextElementSibling;
        if (idOf(li) && ids.has(idOf(li))) first ??= li;
        else li.remove();
      }
      at = first ?? end;
      for (const row of rows) {
        const known = $(`d${idOf(row)}`)?.closest('li'), below = groupOf(row), li = known ?? row;
        if (known?.contains(list)) continue;        // broken data: it would lie below itself
        below?.remove();
        if (known) this.#redress(known, row);
        if (li === at) at = at.nextElementSibling;
        else list.insertBefore(li, at);
        if (below) this.#merge(this.#group(li), below);
      }
    }

    /** The row says what the fresh one says, and is dressed again. */
    #redress(li, fresh) {
      const link = linkOf(li), other = linkOf(fresh), arrow = other.nextElementSibling, group = groupOf(li);
      link.replaceChildren(...other.childNodes);
      for (const part of [...li.children]) if (part !== link && (part !== group || !arrow)) part.remove();
      for (const name of ['class', 'data-k', 'data-apart']) {
        if (fresh.hasAttribute(name)) li.setAttribute(name, fresh.getAttribute(name));
        else li.removeAttribute(name);
      }
      if (arrow) link.after(arrow);
      else for (const name of ['aria-expanded', 'aria-owns']) link.removeAttribute(name);
      li.role = null;
    }

    /** A level that came beside the answer to a write: <template data-below="the parent's id">. */
    redraw(template) {
      const parent = template.dataset.below, holder = $(`d${parent}`)?.closest('li');
      const list = parent === '0' ? this.root : holder && this.#group(holder);
      if (list) this.#place(list, template.content);
      this.#remember();
    }

    /** Asks whether what is open would be drawn differently now, and offers it. */
    async #look() {
      const box = this.querySelector('.changes');
      let seen = [...this.querySelectorAll('.batch')].filter(li => !li.closest('ul[hidden]'))
        .map(li => `${(parentOf(li) && idOf(parentOf(li))) || 0}.${li.dataset.from}.${li.dataset.version}`).join('_');
      if (seen.length > ADDRESS_LIMIT) seen = seen.slice(0, seen.lastIndexOf('_', ADDRESS_LIMIT));
      const offer = seen && await ask(`${this.dataset.changes}?seen=${seen}`).catch(() => this.#offer);
      if (offer !== this.#offer && !focused(box)) box.innerHTML = this.#offer = offer;
    }

    async #show(button) {
      const batches = button.dataset.show.trim().split(' '), box = button.closest('.changes');
      if (button.ariaDisabled) return;
      button.ariaDisabled = true;
      const ends = await batches.reduce(async (all, batch) => [...await all, await this.#renew(batch).catch(failure => failure)], []);
      const failure = ends.find(Boolean);
      if (focused(box)) this.#focus(this.#seat?.closest('li'));
      box.innerHTML = this.#offer = '';
      if (failure) this.#look();
      say(failure ? this.dataset.failed : this.dataset.updated);
    }

    // ---- Pointer

    #click(event) {
      const link = event.target.closest('a, button'), li = link?.closest('li');
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      const own = act => { event.preventDefault(); act(); };
      if (link.matches('[data-show]')) this.#show(link);
      else if (link.matches('a[data-href]')) own(() => this.#go(link, event));
      else if (!li) return;
      else if (link.matches('.tw')) own(() => { this.#toggle(li); this.#focus(li); });
      else if (link.matches('.act')) own(() => this.#menu(li, link));
      else if (li.matches('.failed')) own(() => this.#load(parentOf(li)));
      else if (li.matches('.more')) own(() => this.#more(li));
      else {
        if (document.activeElement !== link) this.#focus(li);       // Safari does not focus a link that is clicked
        own(() => this.#go(link, event));
      }
    }

    #go(link, event) {
      link.closest('[popover]')?.hidePopover();
      window.htmx.ajax('GET', link.getAttribute('href'), { source: link, event, target: '#main', swap: 'innerHTML', push: 'true' }).catch(() => {});
    }

    // ---- Keys

    #key(event) {
      const { key } = event, link = event.target, li = link.closest('li');
      if (event.isComposing || link.role !== 'treeitem' || event.ctrlKey || event.metaKey || event.altKey) return;
      const act = event.shiftKey && key === 'F10' ? () => this.#menu(li, link) : this.#plainKey(key, li, event);
      if (!act) return;
      event.preventDefault();
      act();
    }

    #plainKey(key, li, event) {
      const group = groupOf(li);
      switch (key) {
        case 'ArrowDown': return () => this.#focus(below(li));
        case 'ArrowUp': return () => this.#focus(above(li));
        case 'ArrowRight': return () => isOpen(li) ? this.#focus(firstIn(group)) : this.#toggle(li, true);
        case 'ArrowLeft': return () => isOpen(li) ? this.#toggle(li, false) : this.#focus(parentOf(li));
        case 'Home': return () => this.#focus(firstIn(this.root));
        case 'End': return () => this.#focus(deepest(lastIn(this.root)));
        case '*': return () => this.#openAll(li.parentElement);
        case 'F2': return this.#action(li, 'edit', event);
        case 'Delete': return this.#action(li, 'delete', event);
        case 'ContextMenu': return () => this.#menu(li, linkOf(li));
      }
      const now = Date.now(), typing = this.#word && now - this.#lastLetter < WORD_ENDS_AFTER;
      if (key === ' ' && !typing) return () => linkOf(li).click();
      if ([...key].length !== 1) return null;
      return () => {
        this.#word = (typing ? this.#word : '') + key.toLowerCase();
        this.#lastLetter = now;
        this.#find(li);
      };
    }

    /** A key for one of the menu's links; where the menu has none, or not for this row, the key does nothing. */
    #action(li, page, event) {
      const link = this.menu?.querySelector(`[data-href$="/${page}/"]:not([hidden])`);
      return link && idOf(li) ? () => this.#go(link, event) : null;
    }

    #openAll(list) {
      let loads = LOADS_AT_ONCE;
      for (const li of [...list.children]) {
        if (!arrowOf(li) || isOpen(li)) continue;
        if (groupOf(li)?.firstElementChild || loads-- > 0) this.#toggle(li, true);
      }
    }

    /** Type-ahead over visible rows, by name, pinyin and initials. One letter again and again goes round its matches. */
    #find(from) {
      const word = this.#word, again = [...word].every(letter => letter === word[0]);
      const start = again ? word[0] : word;
      const matches = li => idOf(li) && [nameOf(li).toLowerCase(), ...(li.dataset.k ?? '').split(' ')].some(key => key.startsWith(start));
      const after = li => below(li) ?? firstIn(this.root);
      let li = word.length === 1 || again ? after(from) : from;
      for (const first = li; !matches(li);) if ((li = after(li)) === first) return;
      this.#focus(li);
    }

    // ---- Actions: the toolbar and one menu for the whole tree speak of the row with the tab stop

    #aim(li) {
      const id = idOf(li), name = nameOf(li);
      if (!id) return;
      const kinds = [id === '1' && 'root', li.querySelector(':scope > .nm use[href$="#link"]') && 'linked', !linkOf(li).href && 'page'];
      for (const part of this.querySelectorAll('[data-href], [data-id]')) {
        const { href, label, not = '' } = part.dataset;
        part.hidden = kinds.some(kind => kind && not.includes(kind));
        if (href) part.href = fill(href, { id });
        else part.dataset.copy = id;
        if (label) part.ariaLabel = fill(label, { name });
      }
    }

    #menu(li, anchor) {
      const menu = this.menu;
      if (!menu?.showPopover || !idOf(li)) return;
      this.#focus(li);
      const box = anchor.getBoundingClientRect();
      menu.showPopover();
      menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
      menu.style.top = `${Math.max(8, Math.min(box.bottom, innerHeight - menu.offsetHeight - 8))}px`;
      menu.querySelector('a:not([hidden])').focus();
    }

    #toggled({ target, newState }) {
      if (newState === 'closed') target.removeAttribute('style');
      else {
        const view = target.querySelector('[data-view]'), id = shown();
        view.dataset.copy = `${location.origin}/departments/${id && `${id}/`}?open=${this.#opened().join('.')}`;
      }
    }

    // ---- What happens elsewhere in the page

    /** Marks the department that #main shows. */
    mark() {
      const now = $(`d${shown()}`);
      for (const old of this.querySelectorAll('.nm[aria-current]')) if (old !== now) old.ariaCurrent = null;
      if (!now || !this.contains(now)) return;
      now.ariaCurrent = 'page';
      if (focused(this) || now.closest('ul[hidden]')) return;
      this.#sit(now);
      now.scrollIntoView({ block: 'nearest' });
    }
  }

  customElements.define('dept-tree', DeptTree);

  document.addEventListener('htmx:afterSwap', ({ detail: { target } }) => {
    if (target.id !== 'main') return;
    const tree = document.querySelector('dept-tree'), template = target.querySelector('template[data-below]');
    if (template) tree?.redraw(template);
    template?.remove();
    tree?.mark();
  });
})();
