defmodule Guildhall.Gateway.PrimerTest do
  use ExUnit.Case, async: true

  alias Guildhall.Gateway.Primer
  alias Guildhall.Payload

  # What is compiled into `native/zstd_splice`, for nodes that have no other one.
  @built_in File.read!("native/zstd_splice/src/primer.json")

  test "the events built in are those of the node" do
    assert Payload.decode(Primer.json()) == Payload.decode(@built_in)
  end

  test "it is small enough for every connection" do
    assert byte_size(Primer.json()) < 8_192
  end
end
