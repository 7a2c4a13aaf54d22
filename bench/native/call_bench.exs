# What does it cost to cross into Rust and back, and what does an event cost that nobody hears?
#
#     mix guildhall.bench call

alias Guildhall.Native
alias Guildhall.Telemetry

metadata = %{handler_id: 1, event: [], kind: :error, reason: 1, stacktrace: []}

Bench.compare("one call", [{"no arguments", true}],
  beam: fn truth -> :erlang.phash2(truth) >= 0 end,
  nif: fn _truth -> Native.nif_loaded() end,
  event: fn _truth ->
    Telemetry.emit([:telemetry, :failure], %{system_time: 1}, metadata) == :ok
  end
)
