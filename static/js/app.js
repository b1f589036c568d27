// Enhancements of the pages. Every page works without JavaScript.
"use strict";

(() => {
  const all = (selector) => document.querySelectorAll(selector);

  // From the next page on, times are in the user's time zone (kit/http/pages.py reads the cookie).
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    const root = document.documentElement.dataset.root;
    // The prefixes of kit/http/cookies.py: browsers then accept the cookie over TLS only.
    const prefix = location.protocol !== "https:" ? "" : root === "/" ? "__Host-" : "__Secure-";
    document.cookie = `${prefix}timezone=${zone}; Path=${root}; Max-Age=31536000; SameSite=Lax${prefix && "; Secure"}`;
  }

  // A double click submits a form only once. The idempotency key protects against a second submission as well.
  all("form[data-once]").forEach((form) => {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      form.querySelectorAll("button:not([type=button])").forEach((button) => {
        button.setAttribute("aria-disabled", "true");
      });
    });
  });
  // A form that the "back" button restores can be submitted again.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    all("form[data-once]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
    });
  });

  all("[data-reveal]").forEach((button) => {
    const input = document.getElementById(button.dataset.reveal);
    const [word] = button.childNodes;
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      word.textContent = shown ? "Show" : "Hide";
      button.setAttribute("aria-pressed", String(!shown));
    });
  });

  const copied = document.createElement("div");
  copied.className = "visually-hidden";
  copied.setAttribute("role", "status");
  document.body.append(copied);

  // Copy and print buttons work only with scripts, so scripts show them: on the page, and in what htmx inserts later.
  const offer = () => {
    all("[data-copy]").forEach((button) => (button.hidden = !navigator.clipboard));
    all("[data-print]").forEach((button) => (button.hidden = false));
  };
  offer();
  document.addEventListener("htmx:afterSettle", offer);
  const copy = async (button) => {
    const word = button.querySelector("span");
    const text = document.getElementById(button.dataset.copy).innerText.trim();
    // The browser may refuse without telling the user, so the button does.
    const said = await navigator.clipboard.writeText(text).then(
      () => "Copied",
      () => "Not copied"
    );
    word.textContent = said;
    copied.textContent = said;
    setTimeout(() => {
      word.textContent = "Copy";
      copied.textContent = "";
    }, 2000);
  };
  document.addEventListener("click", (event) => {
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    if (event.target.closest("[data-print]")) window.print();
  });

  // The amount: buttons with common amounts, and the currency sign of the selected wallet.
  const amount = document.getElementById("id_amount");
  all("[data-amounts]").forEach((group) => {
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-amount]");
      if (!chip) return;
      amount.value = chip.dataset.amount;
      amount.focus();
    });
  });
  const sign = document.getElementById("amount-sign");
  const choices = [...all("[data-sign]")];
  if (sign && choices.length) {
    const show = () => {
      const chosen = choices.find((choice) => choice.checked);
      sign.textContent = chosen ? chosen.dataset.sign : "";
      sign.hidden = !chosen;
    };
    choices.forEach((choice) => choice.addEventListener("change", show));
    show();
  }

  // htmx replaces parts of a page. If that fails, or the session has ended, the browser loads the whole page.
  if (window.htmx || document.querySelector('meta[name="htmx-config"]')) {
    const isLive = (element) => element.matches("[data-live]");
    const hide = () => all("[data-hide-with-htmx]").forEach((one) => (one.hidden = true));
    hide();
    document.addEventListener("htmx:afterSwap", hide);
    document.addEventListener("htmx:beforeSwap", (event) => {
      const { xhr, pathInfo } = event.detail;
      const answered = new URL(xhr.responseURL || location.href, location.href);
      const asked = new URL(pathInfo.finalRequestPath || pathInfo.requestPath, location.href);
      if (answered.pathname !== asked.pathname) {
        event.detail.shouldSwap = false;
        if (isLive(event.detail.requestConfig.elt)) location.reload();
        else location.assign(asked);
      }
    });
    const whole = ({ pathInfo }) => location.assign(pathInfo.finalRequestPath || pathInfo.requestPath);

    // The page of a pending transfer polls while it is visible. A failed poll is retried a few times; after that, the
    // page shows its link to refresh.
    const isFollower = (element) => element.matches("[data-follow]");
    const follow = (follower) => follower.isConnected && window.htmx.trigger(follower, "resume");
    const followLater = (follower) => {
      const faults = Number(follower.dataset.faults || 0) + 1;
      follower.dataset.faults = faults;
      if (faults < 5) setTimeout(follow, 2000 * faults, follower);
      else follower.querySelectorAll("[hidden]").forEach((link) => (link.hidden = false));
    };
    document.addEventListener("htmx:beforeRequest", (event) => {
      const { elt } = event.detail;
      if (document.hidden && (isFollower(elt) || isLive(elt))) event.preventDefault();
    });

    // The dashboard polls every few seconds, and as soon as it becomes visible again. It sends the ETag of what it
    // shows, so the answer is an empty 304 while nothing has changed. A failed poll needs no retry: the next one follows.
    document.addEventListener("htmx:configRequest", (event) => {
      const { elt, headers } = event.detail;
      if (isLive(elt)) headers["If-None-Match"] = elt.dataset.etag;
    });
    // Screen readers must not announce the same text twice.
    document.addEventListener("htmx:oobBeforeSwap", (event) => {
      const { target, fragment } = event.detail;
      if (target.textContent === fragment.textContent) event.detail.shouldSwap = false;
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      all("[data-follow]").forEach(follow);
      all("[data-live]").forEach((live) => window.htmx.trigger(live, "look"));
    });

    const failed = ({ detail }) => {
      if (isFollower(detail.elt)) followLater(detail.elt);
      else if (!isLive(detail.elt)) whole(detail);
    };
    document.addEventListener("htmx:responseError", failed);
    document.addEventListener("htmx:sendError", failed);
  }
})();
