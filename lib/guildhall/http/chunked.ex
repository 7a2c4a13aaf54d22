defmodule Guildhall.Http.Chunked do
  @moduledoc false

  # A chunked body, as it arrives: give `feed/2` what came, get the body when it is whole.
  # Extensions and trailers are read, bounded, and dropped.

  @size_line_limit 256
  @trailer_limit 8_192

  defstruct state: :size, buffer: "", body: "", limit: 0

  @type t :: %__MODULE__{
          state: :size | {:data, non_neg_integer()} | :data_end | {:trailers, non_neg_integer()},
          buffer: binary(),
          body: binary(),
          limit: pos_integer()
        }

  @spec new(limit :: pos_integer()) :: t()
  def new(limit), do: %__MODULE__{limit: limit}

  @spec feed(t(), binary()) ::
          {:more, t()}
          | {:done, body :: binary(), rest :: binary()}
          | {:error, :chunk | :body_too_large}
  def feed(%__MODULE__{buffer: ""} = chunked, data), do: step(chunked, data)
  def feed(%__MODULE__{} = chunked, data), do: step(chunked, chunked.buffer <> data)

  defp step(%{state: {:data, 0}} = chunked, data), do: step(%{chunked | state: :data_end}, data)

  defp step(%{state: {:data, left}} = chunked, data) do
    case data do
      <<piece::binary-size(left), rest::binary>> ->
        step(%{chunked | state: :data_end, body: append(chunked.body, piece)}, rest)

      part ->
        body = append(chunked.body, part)
        {:more, %{chunked | state: {:data, left - byte_size(part)}, body: body, buffer: ""}}
    end
  end

  defp step(%{state: :data_end} = chunked, <<"\r\n", rest::binary>>) do
    step(%{chunked | state: :size}, rest)
  end

  defp step(%{state: :data_end} = chunked, data) when data in ["", "\r"], do: wait(chunked, data)
  defp step(%{state: :data_end}, _data), do: {:error, :chunk}

  defp step(%{state: :size} = chunked, data) do
    case line(data, @size_line_limit) do
      {:ok, line, rest} -> size(chunked, line, rest)
      :more -> wait(chunked, data)
      :error -> {:error, :chunk}
    end
  end

  defp step(%{state: {:trailers, left}} = chunked, data) do
    case line(data, left) do
      {:ok, "", rest} -> {:done, chunked.body, rest}
      {:ok, line, rest} -> step(%{chunked | state: {:trailers, left - byte_size(line) - 2}}, rest)
      :more -> wait(chunked, data)
      :error -> {:error, :chunk}
    end
  end

  defp wait(chunked, data), do: {:more, %{chunked | buffer: data}}

  # The first piece is kept as it is; appending to it makes a buffer that grows in place.
  defp append("", piece), do: piece
  defp append(body, piece), do: <<body::binary, piece::binary>>

  defp line(data, limit) do
    case :binary.match(data, "\n", scope: {0, min(byte_size(data), max(limit, 0))}) do
      {at, 1} when at > 0 -> ended(data, at - 1)
      {0, 1} -> :error
      :nomatch when byte_size(data) >= limit -> :error
      :nomatch -> :more
    end
  end

  defp ended(data, size) do
    case data do
      <<line::binary-size(size), "\r\n", rest::binary>> -> {:ok, line, rest}
      _bare_line_feed -> :error
    end
  end

  defp size(chunked, line, rest) do
    with [digits] <- Regex.run(~r/\A[0-9a-fA-F]{1,12}(?=[ \t]*(?:;|\z))/, line),
         size = String.to_integer(digits, 16),
         {:fits, true} <- {:fits, byte_size(chunked.body) + size <= chunked.limit} do
      if size == 0,
        do: step(%{chunked | state: {:trailers, @trailer_limit}}, rest),
        else: step(%{chunked | state: {:data, size}}, rest)
    else
      nil -> {:error, :chunk}
      {:fits, false} -> {:error, :body_too_large}
    end
  end
end
