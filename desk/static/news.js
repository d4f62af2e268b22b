// What changes while a page is open. A page that nobody looks at does not listen: browsers open six connections to a
// host, and whoever comes back to it looks anew.
//
//   listen({ changed(reports) {}, anew() {}, present(open) {}, ended() {} })
//
// `changed` gets [{ticket, version}], `present` {ticket: how many others have it open}; `anew` says that something may
// have been missed.
export function listen(handlers) {
  let source = null;
  let began = false;

  function close() {
    source?.close();
    source = null;
  }

  function open() {
    if (source || document.hidden) return;
    source = new EventSource("/desk/kabar");
    source.addEventListener("mulai", () => {
      if (began) handlers.anew?.();
      began = true;
    });
    source.addEventListener("lihat", () => handlers.anew?.());
    source.addEventListener("laporan", (event) => handlers.changed?.(JSON.parse(event.data).reports));
    source.addEventListener("hadir", (event) => handlers.present?.(JSON.parse(event.data).open));
    source.addEventListener("cukup", close);
    source.addEventListener("selesai", () => {
      close();
      handlers.ended?.();
    });
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
}
