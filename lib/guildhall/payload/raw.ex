defmodule Guildhall.Payload.Raw do
  @moduledoc """
  Ready JSON text within a term, see `Guildhall.Payload.raw/1`.
  """

  @enforce_keys [:json]
  defstruct [:json]

  @type t :: %__MODULE__{json: binary()}
end
