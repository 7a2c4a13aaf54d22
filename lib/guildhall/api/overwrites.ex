defmodule Guildhall.Api.Overwrites do
  @moduledoc false

  # Single overwrites of a channel.

  alias Guildhall.Api.{Call, OverwriteForm, Room}

  @spec put(Call.t()) :: Call.result()
  def put(%Call{params: %{channel_id: channel_id, overwrite_id: id}, body: body} = call) do
    with {:ok, overwrite} <- OverwriteForm.cast(body, id) do
      call |> Room.channel({:put_overwrite, channel_id, overwrite}) |> Room.done()
    end
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(%Call{params: %{channel_id: channel_id, overwrite_id: id}} = call) do
    call |> Room.channel({:delete_overwrite, channel_id, id}) |> Room.done()
  end
end
