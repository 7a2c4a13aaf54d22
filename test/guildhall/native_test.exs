defmodule Guildhall.NativeTest do
  use ExUnit.Case, async: true

  alias Guildhall.Native

  test "the library is loaded" do
    assert Native.nif_loaded()
  end

  test "no stub is without its NIF" do
    nifs = Native.module_info(:nifs)
    stubs = Native.__info__(:functions) -- [load: 0]
    assert stubs -- nifs == []
  end
end
