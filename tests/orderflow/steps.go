package orderflow

import (
	"encoding/json"
	"errors"
	"fmt"

	"stampede/actors"
)

// letter is what customers get.
type letter struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// intake lets in what is an order.
func (w *World) intake(d *actors.Delivery) ([]message, error) {
	w.mishap()
	o, err := read(d)
	if err != nil {
		return nil, err
	}
	if o.Number < 1 || o.Item == "" || o.Amount < 1 {
		return nil, errors.New("no order: number, item and amount are needed")
	}
	return []message{passOn(d, "/queue/payments")}, nil
}

// pay charges the card. It may fail behind that: then the card is charged again, under the same number, which the bank
// takes for the same charge.
func (w *World) pay(d *actors.Delivery) ([]message, error) {
	o, err := read(d)
	if err != nil {
		return nil, err
	}
	w.mishap()
	paid := w.Bank.Charge(o.Number, o.Card, 10*o.Amount)
	w.mishap()
	if !paid {
		return []message{write(d, o, "your card was refused")}, nil
	}
	return []message{passOn(d, "/queue/stock")}, nil
}

// take takes the items off the shelf. There may be none left.
func (w *World) take(d *actors.Delivery) ([]message, error) {
	o, err := read(d)
	if err != nil {
		return nil, err
	}
	w.mishap()
	there := w.Warehouse.Take(o.Number, o.Item, o.Amount)
	w.mishap()
	if !there {
		return []message{passOn(d, "/queue/refunds")}, nil
	}
	return []message{write(d, o, "your order is on its way")}, nil
}

// refund gives the money back.
func (w *World) refund(d *actors.Delivery) ([]message, error) {
	o, err := read(d)
	if err != nil {
		return nil, err
	}
	w.mishap()
	w.Bank.Refund(o.Number)
	w.mishap()
	return []message{write(d, o, "sold out, here is your money")}, nil
}

// mail writes to the customer.
func (w *World) mail(d *actors.Delivery) ([]message, error) {
	var l letter
	if err := json.Unmarshal(d.Body(), &l); err != nil {
		return nil, err
	}
	w.mishap()
	w.Postbox.Send(l.Number, l.Text)
	w.mishap()
	return nil, nil
}

// bury looks at dead letters. What workers failed over again and again gets another chance; what nobody can read is put
// on file, for a person to see.
func (w *World) bury(d *actors.Delivery) ([]message, error) {
	w.mishap()
	from, _ := d.Header("dead-letter-destination")
	if reason, _ := d.Header("dead-letter-reason"); reason == "max_deliveries" {
		w.Postbox.Rescued.Add(1)
		return []message{passOn(d, from)}, nil
	}
	w.Postbox.File(d.ID(), string(d.Body()))
	return nil, nil
}

func read(d *actors.Delivery) (o Order, err error) {
	if err := json.Unmarshal(d.Body(), &o); err != nil {
		return o, fmt.Errorf("no order: %w", err)
	}
	return o, nil
}

// passOn moves an order to another queue as it is.
func passOn(d *actors.Delivery, to string) message {
	order, _ := d.Header("order")
	return message{to: to, body: d.Body(), order: order}
}

// write tells the customer.
func write(d *actors.Delivery, o Order, text string) message {
	body, err := json.Marshal(letter{o.Number, text})
	if err != nil {
		panic(err) // numbers and text can be marshalled
	}
	order, _ := d.Header("order")
	return message{to: "/queue/mail", body: body, order: order}
}
