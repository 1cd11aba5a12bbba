/* <dept-tree>: nested lists of links become an ARIA tree, after the navigation tree view of the ARIA Authoring Practices.

   The server writes every row (ux.md 2.2); this file adds roles, one tab stop, keys, and loading on demand. Without it the
   list stays a list of links. It never measures: rows are found by walking siblings, so 2,000 rows cost what 20 do. */
(() => {
  'use strict';

  const COOKIE_LIMIT = 200;         // opened branches remembered, newest first: about 1.4 KB
  const LOADS_AT_ONCE = 20;         // what one press of * may ask the server for
  const WORD_ENDS_AFTER = 500;      // ms without a letter

  // A row is an <li>. Rows that are not departments (more, failed) hold their link directly.
  const linkOf = li => li.querySelector(':scope > .row > .nm, :scope > a');
  const groupOf = li => li.querySelector(':scope > ul');
  const arrowOf = li => li.querySelector(':scope > .row > .tw');
  const parentOf = node => node.parentElement.closest('li');
  const nameOf = li => linkOf(li).querySelector('.t').textContent.trim();
  const isOpen = li => { const group = groupOf(li); return group && !group.hidden; };

  /** The nearest sibling that can be focused: the "Loading…" row cannot. */
  function sibling(li, step) {
    do { li = li[step]; } while (li && !linkOf(li));
    return li;
  }
  function edge(list, first, step) {
    const li = list && list[first];
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

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
  const say = text => { if (text) document.getElementById('status').textContent = text; };

  /** The same icon element, showing another symbol of the same sprite. */
  function redraw(svg, symbol) {
    const use = svg.querySelector('use');
    use.setAttribute('href', use.getAttribute('href').replace(/#.*/, `#${symbol}`));
    return svg;
  }

  class DeptTree extends HTMLElement {
    #observer = new MutationObserver(records => this.#changed(records));
    #seat = null;          // the link that holds the tab stop
    #focused = false;
    #more = null;          // where the rows asked for by "Show 200 more" will appear
    #word = '';
    #lastLetter = 0;

    connectedCallback() {
      for (const type of ['click', 'keydown', 'focusin', 'focusout', 'htmx:afterRequest']) this.addEventListener(type, this);
      this.#observer.observe(this, { childList: true, subtree: true });
      this.#dress();
      const current = this.querySelector('.nm[aria-current]');
      if (current) current.scrollIntoView({ block: 'nearest' });
    }

    disconnectedCallback() { this.#observer.disconnect(); }

    handleEvent(event) {
      const act = { click: this.#click, keydown: this.#key, focusin: this.#enter, focusout: this.#leave,
                    'htmx:afterRequest': this.#answered }[event.type];
      act.call(this, event);
    }

    get root() { return this.querySelector('ul'); }

    // ---- Roles and the one tab stop

    #dress() {
      if (!this.root) return;
      this.root.setAttribute('role', 'tree');
      for (const li of this.querySelectorAll('li:not([role])')) this.#dressRow(li);
      const seat = this.#seat;
      if (seat?.isConnected && this.contains(seat) && !seat.closest('ul[hidden]')) return;
      const li = firstIn(this.root);
      this.#sit([document.activeElement, this.querySelector('.nm[aria-current]')].find(
        link => link?.getAttribute('role') === 'treeitem' && this.contains(link) && !link.closest('ul[hidden]')) ?? (li && linkOf(li)));
    }

    #dressRow(li) {
      const link = linkOf(li), group = groupOf(li), arrow = arrowOf(li), { level, pos, size } = li.dataset;
      li.setAttribute('role', 'none');
      if (!link) return;
      const add = (element, attributes) => {
        for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
      };
      add(link, { role: 'treeitem', tabindex: -1, 'aria-level': level ?? 1 + Number(parentOf(li)?.dataset.level ?? 0),
                  'aria-posinset': pos, 'aria-setsize': size });
      if (group) add(group, { role: 'group' });
      if (!arrow) return;
      add(arrow, { tabindex: -1, 'aria-hidden': true });
      add(link, { 'aria-expanded': isOpen(li), 'aria-owns': group.id });
    }

    #sit(link) {
      if (this.#seat) this.#seat.tabIndex = -1;
      this.#seat = link ?? null;
      if (link) link.tabIndex = 0;
    }

    #focus(li) {
      if (!li) return;
      this.#sit(linkOf(li));
      this.#seat.focus();
    }

    #enter({ target }) {
      this.#focused = true;
      if (target.getAttribute('role') === 'treeitem' && target !== this.#seat) this.#sit(target);
    }

    #leave() {
      // A removed element loses focus too: wait until the observer has had its turn.
      setTimeout(() => { this.#focused = this.contains(document.activeElement); });
    }

    /** Rows came or went: dress the new ones; if the row with the focus went, its neighbour takes over. */
    #changed(records) {
      const lost = this.#seat && !this.#seat.isConnected && this.#focused && !this.contains(document.activeElement) ? this.#seat : null;
      this.#dress();
      if (!lost) return;
      if (this.#more) return this.#arrived();
      const { target, nextSibling, previousSibling } = records.find(
        ({ removedNodes }) => [...removedNodes].some(node => node.contains(lost))) ?? {};
      const heir = [nextSibling, previousSibling, target?.closest?.('li')].find(
        node => node?.isConnected && node.matches?.('li') && this.contains(node) && linkOf(node));
      this.#focus(heir ?? firstIn(this.root));
    }

    #arrived() {
      const { list, before, after } = this.#more;
      this.#more = null;
      let first = before?.isConnected ? before.nextElementSibling : list.firstElementChild;
      let last = after?.isConnected ? after.previousElementSibling : list.lastElementChild;
      while (first && !first.dataset.pos) first = first.nextElementSibling;
      while (last && !last.dataset.pos) last = last.previousElementSibling;
      this.#focus(first ?? parentOf(list));
      if (first) say(fill(this.dataset.rows ?? '', { from: first.dataset.pos, to: last.dataset.pos, total: first.dataset.size }));
    }

    // ---- Opening and closing

    #toggle(li, open = !isOpen(li)) {
      const group = groupOf(li), link = linkOf(li);
      if (!arrowOf(li) || isOpen(li) === open) return;
      if (!open && group.contains(this.#seat)) group.contains(document.activeElement) ? this.#focus(li) : this.#sit(link);
      group.hidden = !open;
      link.setAttribute('aria-expanded', open);
      this.#dress();
      this.#remember(li.dataset.id, open);
      if (open && !firstIn(group)) this.#load(li);
    }

    #load(li) {
      const link = linkOf(li), group = groupOf(li);
      if (link.hasAttribute('aria-busy')) return;
      if (group.contains(document.activeElement)) this.#focus(li);
      link.setAttribute('aria-busy', true);
      const row = document.createElement('li');
      row.className = 'loading';
      row.setAttribute('aria-hidden', true);
      row.textContent = this.dataset.loading;
      group.replaceChildren(row);
      window.htmx.trigger(arrowOf(li), 'dept-expand');
    }

    #answered({ target, detail: { successful } }) {
      if (!successful) this.#more = null;
      if (!target.matches('.tw')) return;
      const li = target.closest('li'), link = linkOf(li), group = groupOf(li);
      link.removeAttribute('aria-busy');
      if (!successful) return this.#failed(li);
      this.#dress();
      const first = firstIn(group);
      if (!first) return this.#leaf(li);
      if (target.classList.contains('maybe')) {
        target.classList.remove('maybe');
        redraw(target.querySelector('svg'), 'chevron-right');
      }
      say(fill(this.dataset.opened ?? '', { name: nameOf(li), n: Number(first.dataset.size ?? group.children.length).toLocaleString(document.documentElement.lang) }));
    }

    #leaf(li) {
      arrowOf(li).remove();
      groupOf(li).remove();
      for (const name of ['aria-expanded', 'aria-owns']) linkOf(li).removeAttribute(name);
      this.#remember(li.dataset.id, false);
      say(this.dataset.empty);
    }

    #failed(li) {
      const arrow = arrowOf(li), row = document.createElement('li'), again = document.createElement('a');
      row.className = 'failed';
      again.href = arrow.href;
      again.append(redraw(arrow.querySelector('svg').cloneNode(true), 'alert'), this.dataset.failed);
      row.append(again);
      groupOf(li).replaceChildren(row);
      row.scrollIntoView({ block: 'nearest' });
      say(this.dataset.failed);
    }

    /** The cookie the server renders the next page from: ids in base 36, newest first. "0" stands for "nothing is open". */
    #remember(id, open) {
      const own = Number(id).toString(36), known = document.cookie.match(/(?:^|; )tree=([^;]*)/);
      const before = known ? known[1].split('.')
        : [...this.querySelectorAll('li[data-id]')].filter(isOpen).map(li => Number(li.dataset.id).toString(36));
      const ids = before.filter(other => other && other !== own && other !== '0');
      if (open) ids.unshift(own);
      const secure = location.protocol === 'https:' ? '; Secure' : '';
      document.cookie = `tree=${ids.slice(0, COOKIE_LIMIT).join('.') || '0'}; Path=/; Max-Age=2592000; SameSite=Lax${secure}`;
    }

    // ---- Pointer

    #click(event) {
      const link = event.target.closest('a, .act'), li = link?.closest('li');
      if (!li || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      const own = (act) => { event.preventDefault(); act(); };
      if (link.matches('.tw')) own(() => { this.#toggle(li); this.#focus(li); });
      else if (link.matches('.act')) own(() => this.#menu(li, link));
      else if (li.matches('.failed')) own(() => this.#load(parentOf(li)));
      else {
        if (li.matches('.more')) this.#more = { list: li.parentElement, before: li.previousElementSibling, after: li.nextElementSibling };
        if (document.activeElement !== link) this.#focus(li);       // Safari does not focus a link that is clicked
      }
    }

    // ---- Keys

    #key(event) {
      const { key } = event, link = event.target, li = link.closest('li');
      if (event.isComposing || link.getAttribute('role') !== 'treeitem') return;
      if (event.ctrlKey || event.metaKey) return;
      const act = event.altKey ? this.#altKey(key, li) : event.shiftKey && key === 'F10' ? () => this.#menu(li, link) : this.#plainKey(key, li);
      if (!act) return;
      event.preventDefault();
      act();
    }

    #plainKey(key, li) {
      const group = groupOf(li);
      switch (key) {
        case 'ArrowDown': return () => this.#focus(below(li));
        case 'ArrowUp': return () => this.#focus(above(li));
        case 'ArrowRight': return () => isOpen(li) ? this.#focus(firstIn(group)) : this.#toggle(li, true);
        case 'ArrowLeft': return () => isOpen(li) ? this.#toggle(li, false) : this.#focus(parentOf(li));
        case 'Home': return () => this.#focus(firstIn(this.root));
        case 'End': return () => this.#focus(deepest(lastIn(this.root)));
        case '*': return () => this.#openAll(li.parentElement);
        case 'F2': return this.#goto('edit', li);
        case 'Delete': return this.#goto('delete', li);
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

    #altKey(key, li) {
      const step = { ArrowUp: -1, ArrowDown: 1 }[key];
      return step && this.#goto('reorder', li, step);
    }

    /** Keys that lead to a page: its address comes from data-edit, data-delete and data-reorder; no address, no key. */
    #goto(page, li, step) {
      const address = this.dataset[page], { id } = li.dataset;
      if (!address || !id) return null;
      return () => location.assign(fill(address, { id, parent: parentOf(li)?.dataset.id ?? id, step }));
    }

    #openAll(list) {
      let loads = LOADS_AT_ONCE;
      for (const li of list.children) {
        if (!arrowOf(li) || isOpen(li)) continue;
        if (firstIn(groupOf(li)) || loads-- > 0) this.#toggle(li, true);
      }
    }

    /** Type-ahead over visible rows, by name, pinyin and initials. One letter again and again goes round its matches. */
    #find(from) {
      const word = this.#word, again = [...word].every(letter => letter === word[0]);
      const start = again ? word[0] : word;
      const matches = li => li.dataset.id && [nameOf(li).toLowerCase(), ...(li.dataset.keys ?? '').split(' ')].some(key => key.startsWith(start));
      const after = li => below(li) ?? firstIn(this.root);
      let li = word.length === 1 || again ? after(from) : from;
      for (const first = li; !matches(li);) if ((li = after(li)) === first) return;
      this.#focus(li);
    }

    /** The row's actions: one popover for the whole page, its links filled in for this row. */
    #menu(li, anchor) {
      const menu = document.getElementById('row-menu'), { id } = li.dataset;
      if (!menu?.showPopover || !id) return;
      for (const link of menu.querySelectorAll('[data-href]')) link.href = fill(link.dataset.href, { id, parent: parentOf(li)?.dataset.id ?? id });
      const box = anchor.getBoundingClientRect();
      menu.showPopover();
      menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
      menu.style.top = `${Math.max(8, Math.min(box.bottom, innerHeight - menu.offsetHeight - 8))}px`;
      menu.querySelector('a, button')?.focus();
    }

    // ---- What happens elsewhere in the page

    /** Marks the department that #main shows. */
    mark(id) {
      const now = document.getElementById(`d${id}`);
      for (const old of this.querySelectorAll('.nm[aria-current]')) if (old !== now) old.removeAttribute('aria-current');
      if (!now || !this.contains(now)) return;
      now.setAttribute('aria-current', 'page');
      if (!this.#focused && !now.closest('ul[hidden]')) this.#sit(now);
    }
  }

  customElements.define('dept-tree', DeptTree);

  document.addEventListener('htmx:afterSwap', ({ detail: { target } }) => {
    if (target.id !== 'main') return;
    const id = target.querySelector('[data-dept-id]')?.dataset.deptId;
    document.querySelector('dept-tree')?.mark(id);
  });

  // A branch that could not be read says so in its own row; other failures (signed out, forbidden) also reach #alert.
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    const { isError, xhr, requestConfig: { elt } } = detail;
    if (isError && elt.matches('dept-tree .tw') && (xhr.status === 429 || xhr.status >= 500)) detail.shouldSwap = false;
  });
})();
