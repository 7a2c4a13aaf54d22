defmodule Guildhall.TelemetryTest do
  use ExUnit.Case, async: true

  alias Guildhall.Telemetry

  @event [:guildhall, :telemetry, :failure]

  doctest Telemetry

  setup do
    %{id: make_ref()}
  end

  test "every event is documented" do
    {:docs_v1, _, _, _, %{"en" => doc}, _, _} = Code.fetch_docs(Telemetry)
    for event <- Telemetry.events(), do: assert(doc =~ "| `#{inspect(event)}` |")
  end

  test "a handler is called until it is detached", %{id: id} do
    :ok = Telemetry.attach(id, [@event], to(self()))
    assert Telemetry.attach(id, [@event], to(self())) == {:error, :already_exists}

    failure(id)
    assert_receive {@event, %{system_time: 1}, %{handler_id: ^id}}

    assert Telemetry.detach(id) == :ok
    assert Telemetry.detach(id) == {:error, :not_found}
    failure(id)
    refute_received {@event, _, %{handler_id: ^id}}
  end

  test "a handler that raises is detached, and the caller lives", %{id: id} do
    Guildhall.Events.listen()
    :ok = Telemetry.attach(id, [@event], fn _, _, _ -> raise "no" end)
    failure(:provoked)

    assert_receive {:event, @event, _, %{handler_id: ^id, kind: :error, reason: reason}}
    assert reason == %RuntimeError{message: "no"}
    assert Telemetry.detach(id) == {:error, :not_found}
  end

  test "what is not in the list can be neither emitted nor attached to", %{id: id} do
    for {path, measurements, metadata} <- [
          {[:telemetry, :success], %{system_time: 1}, %{}},
          {[:telemetry, :failure], %{}, %{}},
          {[:telemetry, :failure], %{system_time: 1}, %{handler_id: 1}}
        ] do
      assert_raise FunctionClauseError, fn -> Telemetry.emit(path, measurements, metadata) end
    end

    assert_raise ArgumentError, fn ->
      Telemetry.attach(id, [[:telemetry, :failure]], to(self()))
    end
  end

  defp to(pid), do: &send(pid, {&1, &2, &3})

  defp failure(id) do
    metadata = %{handler_id: id, event: @event, kind: :error, reason: :test, stacktrace: []}
    Telemetry.emit([:telemetry, :failure], %{system_time: 1}, metadata)
  end
end
