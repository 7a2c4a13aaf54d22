defmodule Guildhall.LogTest do
  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  alias Guildhall.{Log, Telemetry}

  setup do
    :ok = Log.attach()
    on_exit(fn -> Telemetry.detach(Log) end)
  end

  test "a crash is a line with its kind and its place, and without the values" do
    place = [{Guildhall.Guild.Posting, :decide, ["a message"], [line: 1]}]
    reason = {%FunctionClauseError{args: ["a message"]}, place}
    metadata = %{instance: __MODULE__, room_id: 7, reason: reason}

    log = capture_log(fn -> Telemetry.emit([:guild, :crash], %{pause: 0}, metadata) end)
    assert log =~ "room 7 crashed, and its sessions attach again: "
    assert log =~ "FunctionClauseError in Guildhall.Guild.Posting.decide/1"
    refute log =~ "a message"

    metadata = %{instance: __MODULE__, room_id: 8, reason: {{:badmatch, "a message"}, place}}
    log = capture_log(fn -> Telemetry.emit([:guild, :crash], %{pause: 500}, metadata) end)
    assert log =~ "room 8 crashed again, and is unavailable for 500 ms: :badmatch in "
    refute log =~ "a message"
  end

  test "a part that crashes again soon is not logged each time" do
    metadata = %{instance: __MODULE__, part: Guildhall.Metrics, reason: :killed}
    emit = fn delay -> Telemetry.emit([:supervisor, :restart], %{delay: delay}, metadata) end

    assert capture_log(fn -> emit.(0) end) =~
             "Guildhall.Metrics crashed and is restarted in 0 ms: :killed"

    assert capture_log(fn -> emit.(50) end) == ""
  end
end
