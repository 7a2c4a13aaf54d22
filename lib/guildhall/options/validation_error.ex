defmodule Guildhall.Options.ValidationError do
  @moduledoc """
  An option that is missing, unknown or of the wrong type.

  `:path` leads to the option through nested keyword lists.
  """

  defexception [:message, :path, :value]

  @type t :: %__MODULE__{message: String.t(), path: [atom()], value: term()}
end
