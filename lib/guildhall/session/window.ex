defmodule Guildhall.Session.Window do
  @moduledoc false

  # How often a client does something.

  @type t :: Guildhall.Window.t()
  @type limit :: Guildhall.Window.limit()

  @spec count(t(), now :: integer(), limit()) :: {:ok, t()} | {:error, :limited}
  defdelegate count(window, now, limit), to: Guildhall.Window
end
