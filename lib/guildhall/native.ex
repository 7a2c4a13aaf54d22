defmodule Guildhall.Native do
  @moduledoc false

  # The one module that loads `native/guildhall_nif`. A stub per NIF, grouped by
  # the Rust file that implements it; docs, guards and defaults belong to the
  # public module of the same name (`Guildhall.MemberList`, ...).

  @on_load :load

  @doc false
  def load do
    :guildhall
    |> Application.app_dir("priv/native/guildhall_nif")
    |> String.to_charlist()
    |> :erlang.load_nif(0)
  end

  # lib.rs

  @spec nif_loaded() :: true
  def nif_loaded, do: not_loaded()

  defp not_loaded, do: :erlang.nif_error(:nif_not_loaded)
end
