defmodule Guildhall.Api.OverwriteForm do
  @moduledoc false

  # What a channel allows and denies, as clients send it: type 0 is a role's, 1 a member's.

  alias Guildhall.Model.{Form, Limits, Overwrite}

  @types {:in, %{0 => :role, 1 => :member, "0" => :role, "1" => :member}}
  @masks [allow: [type: :permissions], deny: [type: :permissions]]
  @entry [id: [type: :snowflake, required: true], type: [type: @types, required: true]] ++ @masks
  @single [type: [type: @types, required: true]] ++ @masks

  # The options of a form's field that holds overwrites.
  @spec list() :: keyword()
  def list, do: [type: {:list, &__MODULE__.entry/1}, length: 0..Limits.channel_overwrites()]

  @spec entry(term()) :: {:ok, Overwrite.t()} | {:error, Form.tree()}
  def entry(value) do
    case Form.cast(value, @entry) do
      {:ok, attrs} -> {:ok, struct!(Overwrite, attrs)}
      {:error, {:invalid, tree}} -> {:error, tree}
    end
  end

  @spec cast(term(), id :: pos_integer()) ::
          {:ok, Overwrite.t()} | {:error, {:invalid, Form.tree()}}
  def cast(body, id) do
    with {:ok, attrs} <- Form.cast(body, @single) do
      {:ok, struct!(Overwrite, Map.put(attrs, :id, id))}
    end
  end
end
