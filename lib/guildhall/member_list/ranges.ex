defmodule Guildhall.MemberList.Ranges do
  @moduledoc false

  # What a client asks to look at, which may be anything, as numbers of windows.

  @window 100
  @max_windows 15
  @max_window 0xFFFF_FFFF

  @spec windows(term()) :: {:ok, [non_neg_integer()]} | :error
  def windows(ranges), do: windows(ranges, [])

  defp windows([], numbers), do: {:ok, Enum.reverse(numbers)}
  defp windows(_ranges, numbers) when length(numbers) == @max_windows, do: :error

  defp windows([range | rest], numbers) do
    case window(range) do
      {:ok, number} -> windows(rest, if(number in numbers, do: numbers, else: [number | numbers]))
      :error -> :error
    end
  end

  defp windows(_improper, _numbers), do: :error

  defp window([first, last]), do: window({first, last})

  defp window({first, last})
       when is_integer(first) and is_integer(last) and rem(first, @window) == 0 and
              first in 0..(@max_window * @window)//1 and last in first..(first + @window - 1)//1,
       do: {:ok, div(first, @window)}

  defp window(_other), do: :error
end
